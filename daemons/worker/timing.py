"""Time limits that are fair: nobody is too slow because of who ran beside him.

The CPU time of the same run differs by some per cent from one time to the next, more when the cores
share caches and memory with other runs. So each run gets a band beyond its limit; one that ends in
it is run a second time with no other run of this worker beside it, and this second time counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from daemons.worker.programs import NO_FILES, Program
from sandbox import Blob, Box, Limits, Result, RunStatus

#: Part of the limit. Far more than equal runs differ on a quiet machine (1 to 2 %), enough for most
#: of what neighbours do to each other through shared caches and hyperthreads.
BAND = 0.1
#: Second runs of one submission: each holds up the whole worker for the time of a run.
SECOND_RUNS = 3


@dataclass(frozen=True, slots=True)
class Timed:
    """What became of a run; *near_limit* if its time was within the band around the limit."""

    result: Result
    status: RunStatus
    near_limit: bool


class Timing:
    """The runs of one submission, timed fairly; *band* is a part of the time limit."""

    def __init__(self, band: float = BAND) -> None:
        self._band = band
        self._second_runs = SECOND_RUNS

    async def run(
        self,
        program: Program,
        box: Box,
        *,
        stdin: bytes | Blob,
        limits: Limits,
        args: tuple[str, ...] = (),
        files: Mapping[str, bytes | Blob] = NO_FILES,
    ) -> Timed:
        """Run *program* on one input, a second time and alone where the first was just too slow.

        Raises:
            SandboxError: this host failed, never the program.
        """
        run = partial(
            program.run, box, stdin=stdin, limits=self.widen(limits), args=args, files=files
        )
        limit_s = limits.time_s * program.toolchain.language.time_factor
        result = await run()
        just_over = result.status is not RunStatus.TIME_LIMIT and result.time_s > limit_s
        if just_over and self._second_runs:
            self._second_runs -= 1
            for blob in result.files.values():
                blob.close()
            result = await run(alone=True)
        return self.judge(program, result, limits)

    def widen(self, limits: Limits) -> Limits:
        """Return *limits* with the band beyond the time limit."""
        return replace(limits, time_s=limits.time_s * (1 + self._band))

    def judge(self, program: Program, result: Result, limits: Limits) -> Timed:
        """Return what a run with widened *limits* comes to."""
        limit_s = limits.time_s * program.toolchain.language.time_factor
        status = program.status_of(result)
        if result.time_s > limit_s and status is not RunStatus.OUTPUT_LIMIT:
            status = RunStatus.TIME_LIMIT
        return Timed(result, status, abs(result.time_s - limit_s) <= self._band * limit_s)
