"""What the whole suite takes before anybody uses it: time to start, and memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Comparison, Effort, Spread, Target, benchmark
from benchmarks.verdict import make_site, start_system

_START_S = 3.0
_MEMORY_MB = 250
_FEWER = 10
#: The least that a daemon on Trio is.
_BARE = "import sys, trio; print(flush=True); sys.stdin.read()"


@benchmark(
    "start",
    ours="`gavel up` until all is ready: store, gateway, API, worker with 2 slots",
    bare="a Python that imports Trio",
    target=Target(f"<= {_START_S:g} s", lambda made: made.ours.median <= _START_S * 1e3),
)
async def start(effort: Effort) -> Comparison:
    """From the command to the line on `--ready-fd`, the self-test in the sandbox among it.

    In an empty folder each time. A tenth of the rounds.
    """
    ours, bare = [], []
    for _ in range(max(2, effort.rounds // _FEWER)):
        with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
            make_site(Path(name))
            began = time.perf_counter()
            async with start_system(Path(name)):
                ours.append((time.perf_counter() - began) * 1e3)
        began = time.perf_counter()
        with _open_bare():
            bare.append((time.perf_counter() - began) * 1e3)
    return Comparison(Spread.of(ours), Spread.of(bare), "ms")


@benchmark(
    "idle-memory",
    ours="memory of the idle suite with 2 slots, all its processes together",
    bare="memory of a Python that has imported Trio",
    target=Target(f"<= {_MEMORY_MB} MB", lambda made: made.ours.median <= _MEMORY_MB),
)
async def idle_memory(effort: Effort) -> Comparison:
    """The kernel's proportional set size: a page that several processes share is counted once.

    Two samples, each of a system just started.
    """
    del effort
    ours, bare = [], []
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
            make_site(Path(name))
            async with start_system(Path(name)) as process:
                ours.append(sum(map(_memory_mb, _family(process.pid))))
        with _open_bare() as alone:
            bare.append(_memory_mb(alone.pid))
    return Comparison(Spread.of(ours), Spread.of(bare), "MB")


def _open_bare() -> subprocess.Popen[bytes]:
    """Start the baseline and wait until it is there; it ends with its `with`."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _family(pid: int) -> Iterator[int]:
    """Yield *pid* and all processes below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError(f"process {pid} has no memory")
