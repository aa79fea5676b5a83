"""Control groups v1: one folder per controller and run; the CPU counter is cpuacct.

Also the hybrid host, whose v2 tree has no controllers. A process joins by writing to an open
``cgroup.procs``; the write may wait 7 to 16 ms for a grace period, so parked children do it
themselves and nobody waits for them.
"""

import errno
import os

from sandbox import cgroup

CONTROLLERS = ("memory", "pids", "cpuacct")


def find_parents() -> dict[str, str] | None:
    """Return the folder of each controller in which this process may make groups, or None."""
    mounts = {
        controller: (mounted, root)
        for mounted, root, options in cgroup.find_mounts("cgroup")
        for controller in options.split(",")
    }
    parents = {}
    for line in cgroup.read_text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in CONTROLLERS and controller in mounts:
                parents[controller] = cgroup.locate(*mounts[controller], path)
    if set(parents) != set(CONTROLLERS):
        return None
    return parents if all(os.access(path, os.W_OK) for path in parents.values()) else None


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
        if not self._swap:
            self._write_memory("swappiness", 0)  # what is not counted is not to be had
        self._cpu = os.open(f"{folders['cpuacct']}/cpuacct.usage", os.O_RDWR | os.O_CLOEXEC)
        self._peak = self._open(
            "memory.memsw.max_usage_in_bytes" if self._swap else "memory.max_usage_in_bytes"
        )

    def _open(self, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CLOEXEC, dir_fd=self._memory)

    def _write_memory(self, name: str, value: int) -> None:
        cgroup.write_text(f"{self._folders['memory']}/memory.{name}", str(value))

    def open_doors(self) -> list[int]:
        """Return descriptors through which a process joins by writing ``0``."""
        flags = os.O_WRONLY | os.O_CLOEXEC
        return [os.open(f"{folder}/cgroup.procs", flags) for folder in self._folders.values()]

    def set_limits(self, memory_bytes: int, processes: int) -> None:
        """Set the limits and start the peak anew; swap counts as memory."""
        try:
            self._write_memory("limit_in_bytes", memory_bytes)
        except OSError as exc:
            if exc.errno != errno.EBUSY:
                raise
            # The parked child holds more already. With no byte to spare the program is killed as
            # soon as it takes one.
            memory_bytes = self._cut_to_usage()
        if self._swap:
            self._write_memory("memsw.limit_in_bytes", memory_bytes)
        cgroup.write_text(f"{self._folders['pids']}/pids.max", str(processes))
        os.write(self._peak, b"0")
        os.write(self._cpu, b"0")

    def _cut_to_usage(self) -> int:
        """Limit memory to what is held now, which may be a little less a moment later."""
        fd = self._open("memory.usage_in_bytes")
        try:
            memory_bytes = _read_int(fd)
        finally:
            os.close(fd)
        self._write_memory("limit_in_bytes", memory_bytes)
        return memory_bytes

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

    def __init__(self, parents: dict[str, str], name: str) -> None:
        self._folders = {key: f"{path}/{name}" for key, path in parents.items()}
        for folder in self._folders.values():
            os.mkdir(folder)

    def make_run(self, name: str) -> RunGroup:
        """Return fresh groups for one run."""
        return RunGroup({key: f"{folder}/{name}" for key, folder in self._folders.items()})

    def remove_runs(self, prefix: str) -> bool:
        """Remove the groups whose names start with *prefix*; False when one is still in use."""
        left = [not cgroup.remove_below(folder, prefix) for folder in self._folders.values()]
        return not any(left)

    def remove(self) -> bool:
        """Remove everything; False when something is still in use."""
        done = self.remove_runs("")
        left = [not cgroup.remove_group(folder) for folder in self._folders.values()]
        return done and not any(left)
