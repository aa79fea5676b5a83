"""How a job and its outcome look on the wire between worker and warden."""

import struct
from typing import Literal, NamedTuple

from sandbox import frames

KillReason = Literal["", "time", "wall", "output", "memory", "cancel"]

#: Worker to warden: run this. Beside it: stdin, then each file, then what stdout is passed on to.
RUN = b"R"
#: Worker to warden: kill the run in progress, its outcome does not matter.
KILL = b"K"
#: Warden to worker: the cell stands and a run is parked.
UP = b"U"
#: The same, but its programs share files with those of other slots: no overlay could be made.
UP_SHARED = b"V"
#: Warden to worker: the run ended. Beside it: stdout and stderr when they are long, then each file.
DONE = b"D"


ANY_CORE = -1


class LimitNumbers(NamedTuple):
    """The fields of sandbox.result.Limits, in its order."""

    time_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    processes: int
    file_bytes: int
    box_bytes: int
    box_inodes: int
    stack_bytes: int
    open_files: int


_RUN_HEAD = struct.Struct("<ddQQIQQQQI??i")
_DONE_HEAD = struct.Struct("<BiIdddQ???")

REASONS: tuple[KillReason, ...] = ("", "time", "wall", "output", "memory", "cancel")
EXECUTABLE, PLAIN = b"x", b"-"


class WireJob(NamedTuple):
    """A job as the warden sees it."""

    limits: LimitNumbers
    argv: list[bytes]
    env: list[bytes]
    files: list[tuple[bytes, bool]]
    """Name and whether it is executable."""
    collect: list[bytes]
    may_fork: bool
    """Whether the cell's interpreter may run it without execve."""
    talks: bool
    """Whether stdin is a pipe, and stdout is passed on to one: that of another run."""
    core: int
    """The one that it runs on; `ANY_CORE` leaves that to the kernel."""


class Outcome(NamedTuple):
    """How a run ended."""

    reason: KillReason
    """Why the warden killed it: one of REASONS."""
    status: int
    """What wait(2) said of the main process."""
    oom_kills: int
    time_s: float
    wall_s: float
    ended_s: float
    """When it ended, by the host's monotonic clock: of two that talk, who was first."""
    memory_bytes: int
    from_cgroup: bool
    forked: bool
    """Whether the cell's interpreter ran it without execve."""


def pack_job(job: WireJob) -> bytes:
    """Return the frame of a job."""
    names = [(EXECUTABLE if executable else PLAIN) + name for name, executable in job.files]
    return frames.pack_frame(
        RUN,
        _RUN_HEAD.pack(*job.limits, job.may_fork, job.talks, job.core),
        job.argv,
        job.env,
        names,
        job.collect,
    )


def unpack_job(frame: bytes, fds: int) -> WireJob:
    """Return the job of a frame that came with *fds* descriptors; raises FrameError."""
    numbers, (argv, env, names, collect) = frames.unpack_frame(frame, _RUN_HEAD, 4)
    limits, (may_fork, talks, core) = LimitNumbers(*numbers[:-3]), numbers[-3:]
    if not argv or fds != 1 + len(names) + talks:
        raise frames.FrameError("a job needs argv, stdin and a descriptor for each file")
    if not (0 < limits.time_s < 1e6 and 0 < limits.wall_s < 1e6):
        raise frames.FrameError("a time limit is not positive")
    if any(b"=" not in entry for entry in env):
        raise frames.FrameError("an environment entry has no value")
    for text in (*argv, *env, *names):
        if b"\0" in text:
            raise frames.FrameError("a string holds a zero byte")
    files = [(name[1:], name[:1] == EXECUTABLE) for name in names]
    for name in [*(name for name, _ in files), *collect]:
        check_name(name)
    return WireJob(limits, argv, env, files, collect, may_fork, talks, core)


def check_name(name: bytes) -> None:
    """Raise FrameError unless *name* is a plain file name: no folder, no way out of one."""
    if not name or name in {b".", b".."} or b"/" in name or b"\0" in name or len(name) > 255:
        raise frames.FrameError(f"{name!r} is not a plain file name")


def pack_outcome(
    outcome: Outcome, output: list[bytes] | None, files: list[tuple[bytes, bool]]
) -> bytes:
    """Return the frame of an outcome; *output* None means that it travels in descriptors."""
    names = [(EXECUTABLE if executable else PLAIN) + name for name, executable in files]
    head = _DONE_HEAD.pack(REASONS.index(outcome.reason), *outcome[1:], output is not None)
    return frames.pack_frame(DONE, head, output or [], names)


def unpack_outcome(
    frame: bytes,
) -> tuple[Outcome, list[bytes] | None, list[tuple[bytes, bool]]]:
    """Return outcome, stdout and stderr if they are inside, and the files; raises FrameError."""
    numbers, (output, names) = frames.unpack_frame(frame, _DONE_HEAD, 2)
    reason, inline = numbers[0], numbers[-1]
    if reason >= len(REASONS) or (inline and len(output) != 2):
        raise frames.FrameError("an outcome that no warden sends")
    outcome = Outcome(REASONS[reason], *numbers[1:-1])
    return outcome, output if inline else None, [(n[1:], n[:1] == EXECUTABLE) for n in names]
