"""Control groups v2: one folder per run, for root or for a user to whom a group was delegated.

A group that hands controllers to its children may hold no process itself (the root excepted), so
the processes of a delegated group move into a leaf, as systemd asks of whoever sets Delegate=yes.
"""

import contextlib
import os
import time

from sandbox import cgroup

_NEEDED = {"memory", "pids"}
#: Where there is such a controller, it gives all runs the same share of the processors, however
#: many processes they have.
_SHARES = "cpu"
#: A parked child holds less.
_PARKED_BYTES = 16 << 20
_KEEPER = "gavel-keeper"
_MOVE_S = 1.0


def find_parent() -> str | None:
    """Return the folder in which this process may make groups with memory and pids, or None."""
    mounts = cgroup.find_mounts("cgroup2")
    own = [
        line[3:] for line in cgroup.read_text("/proc/self/cgroup").splitlines() if line[:3] == "0::"
    ]
    if not mounts or not own:
        return None
    folder = cgroup.locate(mounts[0][0], mounts[0][1], own[0])
    if os.path.basename(folder) == _KEEPER:
        folder = os.path.dirname(folder)
    try:
        usable = set(cgroup.read_text(f"{folder}/cgroup.controllers").split()) >= _NEEDED
    except OSError:
        return None
    writable = ("", "/cgroup.procs", "/cgroup.subtree_control")
    return folder if usable and all(os.access(folder + w, os.W_OK) for w in writable) else None


def hand_down(folder: str) -> None:
    """Let children of *folder* use its controllers, moving its own processes into a leaf."""
    given = set(cgroup.read_text(f"{folder}/cgroup.subtree_control").split())
    wanted = " ".join(f"+{name}" for name in sorted(_NEEDED - given))
    deadline = time.monotonic() + _MOVE_S
    while wanted:
        try:
            cgroup.write_text(f"{folder}/cgroup.subtree_control", wanted)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
        _empty(folder)
    # Not there in a delegated group whose owner keeps it, nor beside real-time processes.
    with contextlib.suppress(OSError):
        cgroup.write_text(f"{folder}/cgroup.subtree_control", f"+{_SHARES}")


def _empty(folder: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(f"{folder}/{_KEEPER}", 0o755)
    for pid in cgroup.read_text(f"{folder}/cgroup.procs").split():
        with contextlib.suppress(ProcessLookupError):
            cgroup.write_text(f"{folder}/{_KEEPER}/cgroup.procs", pid)


class RunGroup:
    """The group of one run: limits, counters, and the way in."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        os.mkdir(folder, 0o755)
        self._cpu = os.open(f"{folder}/cpu.stat", os.O_RDONLY | os.O_CLOEXEC)
        self._cpu_base = 0.0
        # memory.peak is Linux 5.19+; without it the peak is the largest sample.
        self._has_peak = os.path.exists(f"{folder}/memory.peak")
        self._largest = 0

    def open_doors(self) -> list[int]:
        """Return descriptors through which a process joins by writing ``0``."""
        return [os.open(f"{self._folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)]

    def set_limits(self, memory_bytes: int, processes: int) -> None:
        """Set the limits and start the CPU counter anew; there is no swap for a run."""
        folder = self._folder
        if memory_bytes < _PARKED_BYTES:
            # A limit below what is held already would kill the parked child before its job comes.
            # With no byte to spare the program is killed as soon as it takes one.
            memory_bytes = max(memory_bytes, int(cgroup.read_text(f"{folder}/memory.current")))
        cgroup.write_text(f"{folder}/memory.max", str(memory_bytes))
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap
            cgroup.write_text(f"{folder}/memory.swap.max", "0")
        cgroup.write_text(f"{folder}/memory.oom.group", "1")
        cgroup.write_text(f"{folder}/pids.max", str(processes))
        self._cpu_base = self._read_cpu()

    def _read_cpu(self) -> float:
        for line in os.pread(self._cpu, 4096, 0).splitlines():
            if line.startswith(b"usage_usec "):
                return int(line.split()[1]) / 1e6
        return 0.0

    def cpu_s(self) -> float:
        """Return the CPU time of all processes of the run so far."""
        if not self._has_peak:
            current = int(cgroup.read_text(f"{self._folder}/memory.current"))
            self._largest = max(self._largest, current)
        return self._read_cpu() - self._cpu_base

    def memory_peak(self) -> int:
        """Return the most memory that the run held at a time."""
        if not self._has_peak:
            return self._largest
        return int(cgroup.read_text(f"{self._folder}/memory.peak"))

    def oom_kills(self) -> int:
        """Return how many processes the kernel killed for want of memory."""
        for line in cgroup.read_text(f"{self._folder}/memory.events").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Take the group away; all processes of the run have ended."""
        os.close(self._cpu)
        os.rmdir(self._folder)


class Groups:
    """The groups of one launcher, below the group that it was started in."""

    def __init__(self, parent: str, name: str) -> None:
        hand_down(parent)
        self._folder = f"{parent}/{name}"
        os.mkdir(self._folder, 0o755)
        hand_down(self._folder)

    def make_run(self, name: str) -> RunGroup:
        """Return a fresh group for one run."""
        return RunGroup(f"{self._folder}/{name}")

    def remove_runs(self, prefix: str) -> bool:
        """Remove the groups whose names start with *prefix*; False when one is still in use."""
        return cgroup.remove_below(self._folder, prefix)

    def remove(self) -> bool:
        """Remove everything; False when something is still in use."""
        return self.remove_runs("") and cgroup.remove_group(self._folder)
