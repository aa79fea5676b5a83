"""Account for one run, by control group or by sampling, behind one interface."""

import os

from sandbox import proctree
from sandbox.cgroup.select import RunGroup

# The first milliseconds matter most for memory: 1 GB/s of page faults is 2 MB per sample.
_SAMPLE_S = 0.002


class GroupAccount:
    """Counters of the run's control groups: exact, and they enforce by themselves."""

    from_cgroup = True

    def __init__(self, group: RunGroup) -> None:
        self._group = group
        self._cores = len(os.sched_getaffinity(0))

    def begin(self, _pidfd: int, memory_bytes: int, processes: int) -> None:
        """Set the limits; the parked child is already inside."""
        self._group.set_limits(memory_bytes, processes)

    def read(self) -> tuple[float, int]:
        """Return CPU seconds so far; memory needs no sampling."""
        return self._group.cpu_s(), 0

    def interval_s(self, cpu_left_s: float) -> float:
        """Return how long the CPU counter can't reach its limit, busy on all cores."""
        return max(0.001, cpu_left_s / self._cores)

    def totals(self, _cpu_s: float, _peak_bytes: int) -> tuple[float, int, int]:
        """Return CPU seconds, peak memory and processes killed for want of memory."""
        return self._group.cpu_s(), self._group.memory_peak(), self._group.oom_kills()

    def close(self) -> None:
        """Take the groups away."""
        self._group.remove()


class SampledAccount:
    """What /proc shows every few milliseconds, and what run-init's wait(2) said at the end."""

    from_cgroup = False

    def __init__(self) -> None:
        self._init = 0
        self._memory_bytes = 0
        self._cpu_s = 0.0
        self._peak = 0

    def begin(self, pidfd: int, memory_bytes: int, _processes: int) -> None:
        """Start sampling the tree below the process behind *pidfd*."""
        self._init = proctree.pid_behind(pidfd)
        self._memory_bytes = memory_bytes

    def read(self) -> tuple[float, int]:
        """Return CPU seconds and memory of the run at this moment."""
        cpu_s, memory = proctree.sample(self._init, self._memory_bytes)
        self._cpu_s = max(self._cpu_s, cpu_s)
        self._peak = max(self._peak, memory)
        return self._cpu_s, memory

    def interval_s(self, _cpu_left_s: float) -> float:
        """Return the sampling interval."""
        return _SAMPLE_S

    def totals(self, cpu_s: float, peak_bytes: int) -> tuple[float, int, int]:
        """Return CPU seconds, peak memory; the kernel reports no kills without a group."""
        return max(cpu_s, self._cpu_s), max(peak_bytes, self._peak), 0

    def close(self) -> None:
        """Nothing is held."""


Account = GroupAccount | SampledAccount
