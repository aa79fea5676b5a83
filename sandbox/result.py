"""The sandbox's vocabulary: a job with its limits, and what became of the run."""

import signal as signals
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from sandbox.blob import Blob
from sandbox.job import KillReason

Tier = Literal["exec", "fork"]
"""How a program was started: by execve, or by a fork of an interpreter that had been started."""
MemorySource = Literal["cgroup", "rusage"]


class RunStatus(StrEnum):
    """How a run ended; exactly one holds."""

    OK = "ok"
    TIME_LIMIT = "time_limit"
    IDLE_LIMIT = "idle_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    RUNTIME_ERROR = "runtime_error"


class Grade(StrEnum):
    """How much of the confinement this host enforces."""

    FULL = "full"
    """Namespaces, seccomp, and a control group for memory, processes and CPU time."""
    REDUCED = "reduced"
    """No control group: memory, processes and CPU time are sampled and may be overrun a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use; seconds and bytes."""

    time_s: float
    """CPU time of all processes and threads of the run together."""
    wall_s: float
    """Time on the wall clock from start to end."""
    memory_bytes: int
    """Memory of all processes together, with swap, tmpfs, pipes and page tables."""
    output_bytes: int
    """Bytes on stdout; one more ends the run. Stderr is cut at its own cap, without an error."""
    processes: int = 64
    """Processes and threads alive at a time."""
    file_bytes: int = 64 << 20
    """Size of any one file (RLIMIT_FSIZE)."""
    box_bytes: int = 64 << 20
    """Size of /box, /tmp and /dev/shm together."""
    box_inodes: int = 4096
    """Files and folders in /box, /tmp and /dev/shm together."""
    stack_bytes: int = 64 << 20
    """Stack of the main thread (RLIMIT_STACK)."""
    open_files: int = 256
    """Open descriptors per process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that every box keeps started, so that programs of exactly this command fork from it.

    It must be the version of Python that the caller runs on, without any option that keeps it from
    `site` or the user's own modules (``-I``, ``-S``, ``-s``, ``-E``), and the image must show it.
    """

    argv: tuple[str, ...]
    """The command of a run, such as ``("/usr/bin/python3", "-B", "main.py")``."""
    env: Mapping[str, str]
    """The environment of a run; ``HOME`` is ``/box``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program to run once."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes | Blob] = field(default_factory=dict)
    """Plain names put into /box, owned by the program."""
    stdin: bytes | Blob = b""
    limits: Limits
    collect: tuple[str, ...] = ()
    """Plain names or patterns (``*.class``) of files wanted back from /box."""
    alone: bool = False
    """Whether no other box of the sandbox may run anything meanwhile; it waits for its turn."""
    tier: Tier = "fork"
    """``fork`` lets the sandbox's `Interpreter` run it, should this be its command; ``exec`` starts
    the program anew in any case."""
    floats: bool = False
    """Whether it may use all cores even where the sandbox pins runs to one each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a run. Close the blobs in *files* when done with them."""

    status: RunStatus
    stdout: bytes
    stderr: bytes
    exit_code: int | None
    signal: int | None
    time_s: float
    wall_s: float
    ended_s: float
    """When it ended, by the host's monotonic clock."""
    memory_bytes: int
    files: Mapping[str, Blob]
    tier: Tier
    grade: Grade
    memory_source: MemorySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the kernel's counters and the supervisor say about a finished run."""

    killed_for: KillReason
    exit_code: int | None
    signal: int | None
    time_s: float
    memory_bytes: int
    oom_kills: int


def decide_status(limits: Limits, ending: Ending) -> RunStatus:
    """Return the one status of a run.

    Order: what the supervisor killed it for, then the CPU counter, then the out-of-memory counter,
    then the signal, then the exit code. A program can reach none of the first three by what it
    prints, returns or does to itself.
    """
    if ending.killed_for == "output":
        return RunStatus.OUTPUT_LIMIT
    if ending.killed_for == "time" or ending.time_s > limits.time_s:
        return RunStatus.TIME_LIMIT
    if ending.killed_for == "wall":
        # On a host that gave it half a processor it was not idle: it came that far by computing.
        return RunStatus.TIME_LIMIT if ending.time_s > limits.time_s / 2 else RunStatus.IDLE_LIMIT
    if (
        ending.killed_for == "memory"
        or ending.oom_kills
        or ending.memory_bytes > limits.memory_bytes
    ):
        return RunStatus.MEMORY_LIMIT
    if ending.signal == signals.SIGXFSZ:
        return RunStatus.OUTPUT_LIMIT
    return RunStatus.OK if ending.exit_code == 0 else RunStatus.RUNTIME_ERROR
