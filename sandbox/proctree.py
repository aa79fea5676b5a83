"""Sample what a run's processes use where no control group counts: the reduced grade.

The warden sees the run's processes in its own /proc: they are the descendants of run-init, which
inherits every orphan. Between two samples a program may overrun its limit; how long that is
depends on the sampling interval.
"""

import os

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it ended meanwhile
        return b""
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
    finally:
        os.close(fd)


def pid_behind(pidfd: int) -> int:
    """Return the pid behind *pidfd* as this process sees it."""
    for line in _read(f"/proc/self/fdinfo/{pidfd}").splitlines():
        if line.startswith(b"Pid:"):
            return int(line.split()[1])
    return 0


def descendants(pid: int) -> list[int]:
    """Return the pids of all live descendants of *pid*, nearest first."""
    found: list[int] = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        for task in _threads(parent):
            children = _read(f"/proc/{parent}/task/{task}/children").split()
            found += map(int, children)
            todo += map(int, children)
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _shared_fairly(pid: int) -> int | None:
    for task in _threads(pid):
        for line in _read(f"/proc/{pid}/task/{task}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return None


def _resident(pid: int) -> int:
    """Return the bytes that *pid* holds, which a first thread that has ended shows no more."""
    pages = _resident_pages(f"/proc/{pid}")
    if pages == 0:
        pages = max(
            (_resident_pages(f"/proc/{pid}/task/{task}") for task in _threads(pid)), default=0
        )
    return pages * _PAGE_BYTES


def _resident_pages(place: str) -> int:
    fields = _read(f"{place}/statm").split()
    return int(fields[1]) if fields else 0


def _cpu_s(pid: int) -> float:
    """Return the CPU time of *pid* and of the children that it waited for."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return sum(map(int, fields[11:15])) * _TICK_S if fields else 0.0


def sample(init: int, memory_limit: int) -> tuple[float, int]:
    """Return CPU seconds and bytes of memory of the processes below *init*, right now.

    Pages that processes share count once for each of them unless the sum is over *memory_limit*:
    the exact share takes the kernel milliseconds to work out.
    """
    pids = descendants(init)
    cpu_s = sum(map(_cpu_s, pids)) + _reaped_cpu_s(init)
    memory = sum(map(_resident, pids))
    if memory > memory_limit and len(pids) > 1:
        shares = [_shared_fairly(pid) for pid in pids]
        memory = sum(share for share in shares if share is not None)
    return cpu_s, memory


def _reaped_cpu_s(init: int) -> float:
    fields = _read(f"/proc/{init}/stat").rpartition(b")")[2].split()
    return sum(map(int, fields[13:15])) * _TICK_S if fields else 0.0
