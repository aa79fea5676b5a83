"""Turn a job into what a warden reads, and what it answers into a result."""

import os

from sandbox import frames, job, run
from sandbox.blob import Blob
from sandbox.errors import SandboxError
from sandbox.pipes import Pipes
from sandbox.result import Ending, Grade, Job, Limits, Result, decide_status


def pack_request(
    wanted: Job, opened: list[Blob], core: int, pipes: Pipes | None = None
) -> tuple[bytes, list[int]]:
    """Return the frame of a job and its descriptors; blobs made here are added to *opened*.

    It stays on *core* unless it floats. With *pipes*, these take the place of stdin and stdout.
    """

    def as_blob(content: bytes | Blob) -> Blob:
        if isinstance(content, Blob):
            return content
        opened.append(Blob.from_bytes(content))
        return opened[-1]

    stdin = as_blob(wanted.stdin).fd if pipes is None else pipes.stdin
    files = [(os.fsencode(name), as_blob(content)) for name, content in wanted.files.items()]
    limits = wanted.limits
    numbers = job.LimitNumbers(*(getattr(limits, name) for name in job.LimitNumbers._fields))
    wire = job.WireJob(
        numbers,
        [os.fsencode(part) for part in wanted.argv],
        [os.fsencode(f"{key}={value}") for key, value in wanted.env.items()],
        [(name, blob.executable) for name, blob in files],
        [os.fsencode(name) for name in wanted.collect],
        wanted.tier != "exec",
        pipes is not None,
        job.ANY_CORE if wanted.floats else core,
    )
    frame = job.pack_job(wire)
    fds = [stdin, *(blob.fd for _, blob in files)]
    if pipes is not None:
        fds.append(pipes.stdout)
    job.unpack_job(frame, len(fds))  # what the warden would refuse costs no slot
    return frame, fds


def read_failure(frame: bytes, fds: list[int]) -> SandboxError:
    """Return the error that stands in place of an answer; its descriptors are closed."""
    frames.close_fds(fds)
    if frame[:1] == run.FAILED:
        return run.read_failure(frame)
    return SandboxError("launcher", 0, "an answer that it never gives")


def read_result(limits: Limits, grade: Grade, frame: bytes, fds: list[int]) -> Result:
    """Return the result that an outcome frame tells, owning its descriptors."""
    outcome, output, names = job.unpack_outcome(frame)
    blobs = [Blob.adopt(fd) for fd in fds]
    if output is None:
        texts, blobs = blobs[:2], blobs[2:]
        output = [text.read() for text in texts]
        for text in texts:
            text.close()
    files = {}
    for (name, executable), blob in zip(names, blobs, strict=True):
        blob.executable = executable
        files[os.fsdecode(name)] = blob
    signal = os.WTERMSIG(outcome.status) if os.WIFSIGNALED(outcome.status) else None
    exit_code = os.WEXITSTATUS(outcome.status) if os.WIFEXITED(outcome.status) else None
    ending = Ending(
        killed_for=outcome.reason,
        exit_code=exit_code,
        signal=signal,
        time_s=outcome.time_s,
        memory_bytes=outcome.memory_bytes if not outcome.from_cgroup else 0,
        oom_kills=outcome.oom_kills,
    )
    return Result(
        status=decide_status(limits, ending),
        stdout=output[0],
        stderr=output[1],
        exit_code=exit_code,
        signal=signal,
        time_s=outcome.time_s,
        wall_s=outcome.wall_s,
        ended_s=outcome.ended_s,
        memory_bytes=outcome.memory_bytes,
        files=files,
        tier="fork" if outcome.forked else "exec",
        grade=grade,
        memory_source="cgroup" if outcome.from_cgroup else "rusage",
    )
