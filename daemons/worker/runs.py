"""A run: one program, once, on its caller's own input; no problem, no tests, no comparing."""

from __future__ import annotations

from daemons.broker import Step
from daemons.config import Limits as Maxima
from daemons.worker.compiling import Build, CompileFailure
from daemons.worker.judge import Tell
from daemons.worker.programs import Sources
from daemons.worker.toolchains import Toolchain
from judging.verdict import verdict_of
from protocol import codec
from protocol.messages import (
    Compiled,
    EventType,
    Judgement,
    RunLimits,
    RunOutput,
    RunRequest,
    Verdict,
)
from sandbox import Box, Limits


async def run_once(
    box: Box,
    toolchain: Toolchain,
    request: RunRequest,
    maxima: Maxima,
    tell: Tell,
    build: Build,
) -> Judgement:
    """Compile and run *request* in *box* and return what came of it; `accepted` is exit code 0.

    Its limits are what it asks for, the *maxima* where it asks for more or nothing. Cancelling it
    kills what runs. *build* makes a program of its sources.

    Raises:
        SandboxError: this host failed, never the program.
    """
    built = await build(box, toolchain, Sources.of(request, toolchain))
    if isinstance(built, CompileFailure):
        return Judgement(verdict=Verdict.COMPILE_ERROR, compile_output=codec.text(built.output))
    with built:
        step = Compiled(time_s=built.compile_time_s, tests_total=0)
        tell((), Step.of(EventType.COMPILED, step))
        result = await built.run(
            box,
            stdin=request.stdin.encode(),
            limits=_limits(request.limits, maxima),
            args=request.args,
        )
    for blob in result.files.values():
        blob.close()
    return Judgement(
        verdict=Verdict(verdict_of(built.status_of(result).value, None)),
        time_s=round(result.time_s, 6),
        memory_bytes=result.memory_bytes,
        run=RunOutput(
            stdout=codec.text(result.stdout),
            stderr=codec.text(result.stderr),
            exit_code=result.exit_code,
            signal=result.signal,
        ),
    )


def _limits(asked: RunLimits, maxima: Maxima) -> Limits:
    return Limits(
        time_s=_least(asked.time_s, maxima.run_time_s),
        wall_s=_least(asked.wall_s, maxima.run_wall_s),
        memory_bytes=int(_least(asked.memory_bytes, maxima.run_memory_bytes)),
        output_bytes=int(_least(asked.output_bytes, maxima.run_output_bytes)),
        processes=int(_least(asked.processes, maxima.run_processes)),
    )


def _least(asked: float | None, maximum: float) -> float:
    return maximum if asked is None else min(asked, maximum)
