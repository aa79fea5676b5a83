"""One test of an interactive problem: program and validator talk, and whoever failed is named.

Who ended first decides whose fault an unhappy end is, and the sandbox knows that (`sandbox.relay`
says how well). A program that failed while the validator was still there failed by itself; what the
validator then says of the broken conversation does not count. Once the validator has rejected,
whatever becomes of the program, which now finds its input at an end, does not count either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from daemons.worker.programs import Program
from daemons.worker.timing import Timed, Timing
from daemons.worker.validators import Validator, close_all
from judging.checkers.custom import Finding, ValidatorFault
from judging.package import TestCase
from sandbox import Box, Limits, Result, RunStatus


async def converse(
    box: Box,
    program: Program,
    validator: Validator,
    test: TestCase,
    *,
    timing: Timing,
    limits: Limits,
    data: Mapping[str, bytes],
    files: Mapping[str, bytes],
    kept: dict[str, bytes],
) -> tuple[Timed, Finding | None]:
    """Let *program* and *validator* talk about *test*; no finding if the program failed by itself.

    Raises:
        SandboxError: this host failed; in a group.
        ValidatorFault: the validator did.
    """
    job = program.job(limits=timing.widen(limits), args=test.arguments, files=files, tier="exec")
    listening = validator.job(test, data, kept)
    # It has to outlive the program: where both wait for each other, it is the program's turn.
    patient = replace(listening.limits, wall_s=listening.limits.wall_s + job.limits.wall_s)
    result, said = await box.converse(job, replace(listening, limits=patient))
    close_all(result)
    timed = timing.judge(program, result, limits)
    failed = timed.status is not RunStatus.OK
    if failed and result.ended_s < said.ended_s:
        close_all(said)
        _check_patience(timed, said)
        return timed, None
    finding = validator.finding(said, kept)
    if not finding.accepted:
        return replace(timed, status=RunStatus.OK), finding
    return timed, None if failed else finding


def _check_patience(timed: Timed, said: Result) -> None:
    """Raise ValidatorFault if the program was idle because the validator was not."""
    if timed.status is RunStatus.IDLE_LIMIT and said.time_s > timed.result.wall_s / 2:
        raise ValidatorFault(
            f"it kept the program waiting for {timed.result.wall_s:.1f} s, "
            f"of which it computed for {said.time_s:.1f} s"
        )
