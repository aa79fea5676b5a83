"""How quickly a run that must end is gone, and how many runs a second there is room for."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import trio

from benchmarks.bare import run_bare_for
from benchmarks.measure import Comparison, Effort, Spread, benchmark, rates
from benchmarks.sandboxed import compile_bare, open_hello, run_hello
from daemons.worker.toolchains import image_of
from sandbox import Blob, Box, Job, Limits, RunStatus, open_sandbox

_PROCESSES = 400
_WALL_S = 2.0
_STUBBORN = r"""
#include <signal.h>
#include <unistd.h>
int main(void) {
    int start[2], left = PROCESSES - 1;
    char none;
    for (int number = 1; number < 32; number++) signal(number, SIG_IGN);
    if (pipe(start)) return 1;
    while (left > 0 && fork()) left--;
    write(1, "x", 1);
    close(start[1]);
    read(start[0], &none, 1); /* until all are there, else the first would keep the rest from it */
    for (;;) {}
}
""".replace("PROCESSES", str(_PROCESSES))
_LIMITS = Limits(
    time_s=100.0, wall_s=_WALL_S, memory_bytes=1 << 30, output_bytes=4096, processes=_PROCESSES
)


@benchmark(
    "kill-400",
    ours="from the wall clock limit to the result, when all 400 processes are gone",
    bare="SIGKILL to a process group of 400 such processes, until the last is gone",
)
async def kill_400(effort: Effort) -> Comparison:
    """400 processes that loop and ignore signals, ended two seconds after their start.

    Ours ends with the control groups empty, and the counters read; bare ends when the pipe that all
    of them hold is closed. A tenth of the rounds, for each takes three seconds.
    """
    ours, bare = [], []
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
        binary = await compile_bare(_STUBBORN, Path(name))
        with Blob.from_bytes(binary.read_bytes(), executable=True) as blob:
            job = Job(argv=("/box/stubborn",), files={"stubborn": blob}, limits=_LIMITS)
            async with open_sandbox(slots=1, image=image_of([])) as sandbox:
                for _ in range(max(2, effort.rounds // 10)):
                    ours.append(await _kill_ours(sandbox.boxes[0], job))
                    bare.append(await trio.to_thread.run_sync(_kill_bare, binary))
    return Comparison(Spread.of(ours), Spread.of(bare), "ms")


async def _kill_ours(box: Box, job: Job) -> float:
    began = time.perf_counter()
    result = await box.run(job)
    assert (result.status, len(result.stdout)) == (RunStatus.IDLE_LIMIT, _PROCESSES), result
    return (time.perf_counter() - began - _WALL_S) * 1e3


def _kill_bare(binary: Path) -> float:
    with subprocess.Popen([str(binary)], stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout is not None
        for _ in range(_PROCESSES):
            assert process.stdout.read(1) == b"x"
        began = time.perf_counter()
        os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout.read() == b""
        return (time.perf_counter() - began) * 1e3


async def _rate(slots: int, effort: Effort) -> Comparison:
    async with open_hello(slots) as (boxes, program, binary):

        async def run_for(seconds: float) -> int:
            until = time.monotonic() + seconds
            counts = [0] * slots

            async def work(number: int) -> None:
                while time.monotonic() < until:
                    await run_hello(boxes[number], program)
                    counts[number] += 1

            async with trio.open_nursery() as nursery:
                for number in range(slots):
                    nursery.start_soon(work, number)
            return sum(counts)

        return await rates(
            run_for,
            lambda seconds: run_bare_for(seconds, [str(binary)], Path("/dev/null")),
            effort,
        )


@benchmark(
    "hello-rate-1",
    ours="runs of a compiled hello a second, one after the other in one slot",
    bare="posix_spawn of the same program, 2 at a time",
)
async def hello_rate_1(effort: Effort) -> Comparison:
    """Without a pause each run waits for the confinement of a next one: here parking shows."""
    return await _rate(1, effort)


@benchmark(
    "hello-rate-2",
    ours="runs of a compiled hello a second in two slots",
    bare="posix_spawn of the same program, 2 at a time",
)
async def hello_rate_2(effort: Effort) -> Comparison:
    """As `hello-rate-1`, with a second slot at the same time."""
    return await _rate(2, effort)
