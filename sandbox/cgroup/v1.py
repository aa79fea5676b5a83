"""Control groups v1: one folder per controller and run; the CPU counter is cpuacct.

Also the hybrid host, whose v2 tree has no controllers. A process joins by writing to an open
``cgroup.procs``; the write may wait 7 to 16 ms for a grace period, so parked children do it
themselves and nobody waits for them.
"""

import contextlib
import os

CONTROLLERS = ("memory", "pids", "cpuacct")


def read_text(path: str) -> str:
    """Return the content of a file of proc or cgroup."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def find_parents() -> dict[str, str] | None:
    """Return the folder of each controller in which this process may make groups, or None."""
    mounts = {}
    for line in read_text("/proc/self/mountinfo").splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        if kind == "cgroup":
            for controller in options.rpartition(" ")[2].split(","):
                mounts[controller] = (fields.split(" ")[4], fields.split(" ")[3])
    parents = {}
    for line in read_text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in CONTROLLERS and controller in mounts:
                mounted, root = mounts[controller]
                inside = path if root == "/" else "/" + os.path.relpath(path, root)
                parents[controller] = os.path.normpath(mounted + inside)
    if set(parents) != set(CONTROLLERS):
        return None
    usable = all(os.access(path, os.W_OK) for path in parents.values())
    return parents if usable else None


def _read_int(fd: int) -> int:
    return int(os.pread(fd, 32, 0))


class RunGroup:
    """The groups of one run: limits, counters, and the way in."""

    def __init__(self, folders: dict[str, str]) -> None:
        self._folders = folders
        for folder in folders.values():
            os.mkdir(folder)
        memory = folders["memory"]
        self._memory = os.open(memory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._swap = os.path.exists(f"{memory}/memory.memsw.limit_in_bytes")
        self._cpu = os.open(f"{folders['cpuacct']}/cpuacct.usage", os.O_RDWR | os.O_CLOEXEC)
        self._peak = self._open(
            "memory.memsw.max_usage_in_bytes" if self._swap else "memory.max_usage_in_bytes"
        )

    def _open(self, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CLOEXEC, dir_fd=self._memory)

    def _write(self, name: str, value: int) -> None:
        fd = self._open(name)
        try:
            os.write(fd, str(value).encode())
        finally:
            os.close(fd)

    def open_doors(self) -> list[int]:
        """Return descriptors through which a process joins by writing ``0``."""
        flags = os.O_WRONLY | os.O_CLOEXEC
        return [os.open(f"{folder}/cgroup.procs", flags) for folder in self._folders.values()]

    def set_limits(self, memory_bytes: int, processes: int) -> None:
        """Set the limits and start the peak anew; swap counts as memory."""
        self._write("memory.limit_in_bytes", memory_bytes)
        if self._swap:
            self._write("memory.memsw.limit_in_bytes", memory_bytes)
        fd = os.open(f"{self._folders['pids']}/pids.max", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, str(processes).encode())
        finally:
            os.close(fd)
        os.write(self._peak, b"0")
        os.write(self._cpu, b"0")

    def cpu_s(self) -> float:
        """Return the CPU time of all processes of the run so far."""
        return _read_int(self._cpu) / 1e9

    def memory_peak(self) -> int:
        """Return the most memory that the run held at a time, with swap where it is counted."""
        return _read_int(self._peak)

    def oom_kills(self) -> int:
        """Return how many processes the kernel killed for want of memory."""
        fd = self._open("memory.oom_control")
        try:
            for line in os.read(fd, 4096).splitlines():
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
        finally:
            os.close(fd)
        return 0

    def remove(self) -> None:
        """Take the groups away; all processes of the run have ended."""
        os.close(self._memory)
        os.close(self._cpu)
        os.close(self._peak)
        for folder in self._folders.values():
            os.rmdir(folder)


class Groups:
    """The groups of one launcher, below the group that it was started in."""

    source = "cgroup"

    def __init__(self, parents: dict[str, str], name: str) -> None:
        self._folders = {key: f"{path}/{name}" for key, path in parents.items()}
        for folder in self._folders.values():
            os.mkdir(folder)

    def make_run(self, name: str) -> RunGroup:
        """Return fresh groups for one run."""
        return RunGroup({key: f"{folder}/{name}" for key, folder in self._folders.items()})

    def remove_runs(self, prefix: str) -> bool:
        """Remove the groups whose names start with *prefix*; False when one is still in use."""
        left = [not remove_below(folder, prefix) for folder in self._folders.values()]
        return not any(left)

    def remove(self) -> bool:
        """Remove everything; False when something is still in use."""
        done = self.remove_runs("")
        left = [not _remove(folder) for folder in self._folders.values()]
        return done and not any(left)


def _remove(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def remove_below(folder: str, prefix: str) -> bool:
    """Remove the groups in *folder* whose names start with *prefix*."""
    done = True
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.is_dir() and entry.name.startswith(prefix):
                done = _remove(entry.path) and done
    return done
