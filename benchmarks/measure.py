"""How something is measured: beside a bare baseline, in turn, in the same run.

Absolute times drift by a third from one hour to the next on a shared machine, so no number here
stands alone: ours and the baseline take turns, sample by sample or second by second, and what is
judged is the ratio of the medians. Warm-up samples are thrown away. Nothing else is.
"""

from __future__ import annotations

import inspect
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with the 5th and the 95th percentile around it."""

    low: float
    median: float
    high: float
    samples: int

    @classmethod
    def of(cls, samples: list[float]) -> Spread:
        """Return the spread of *samples*, of which there are at least two."""
        cuts = statistics.quantiles(samples, n=20, method="inclusive")
        return cls(cuts[0], statistics.median(samples), cuts[-1], len(samples))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside the baseline; both in *unit*."""

    ours: Spread
    bare: Spread
    unit: str

    @property
    def ratio(self) -> float:
        """Our median over the baseline's."""
        return self.ours.median / self.bare.median

    @property
    def difference(self) -> float:
        """Our median less the baseline's, in `unit`."""
        return self.ours.median - self.bare.median


class NotInstalled(Exception):
    """What ours would be measured beside is not here; the text says what installs it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What must be reached: a bound on a `Comparison`'s ratio or difference."""

    text: str
    holds: Callable[[Comparison], bool]


def ratio_at_most(bound: float) -> Target:
    """Return the target that ours takes at most *bound* times what the baseline takes."""
    return Target(f"<= {bound:g} x", lambda made: made.ratio <= bound)


def ratio_at_least(bound: float) -> Target:
    """Return the target that ours does at least *bound* times what the baseline does."""
    return Target(f">= {bound:g} x", lambda made: made.ratio >= bound)


def at_most_more(bound: float, unit: str) -> Target:
    """Return the target that ours takes at most *bound* more than the baseline."""
    return Target(f"<= bare + {bound:g} {unit}", lambda made: made.difference <= bound)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: samples per side of `durations`, turns per side of `rates`."""

    rounds: int
    turns: int
    turn_s: float


Measurement = Callable[[Effort], Awaitable[Comparison]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A question, how it is answered, and what the answer must be."""

    name: str
    ours: str
    bare: str
    target: Target | None
    measure: Measurement

    @property
    def method(self) -> str:
        """How it is measured, in the words of the function that does it."""
        return inspect.cleandoc(self.measure.__doc__ or "")


def benchmark(
    name: str, *, ours: str, bare: str, target: Target | None = None
) -> Callable[[Measurement], Benchmark]:
    """Make a benchmark of the decorated function, whose docstring tells the method."""
    return lambda measure: Benchmark(name, ours, bare, target, measure)


async def durations(
    ours: Callable[[], Awaitable[object]],
    bare: Callable[[], object],
    rounds: int,
    *,
    warm_up: int = WARM_UP,
) -> Comparison:
    """Time *ours* and *bare* in turn, *rounds* times each after *warm_up*; milliseconds.

    A baseline that is a plain function pays for no event loop.
    """
    samples_ours, samples_bare = [], []
    for _ in range(warm_up + rounds):
        began = time.perf_counter()
        await ours()
        between = time.perf_counter()
        result = bare()
        if inspect.isawaitable(result):
            await result
        samples_bare.append((time.perf_counter() - between) * 1e3)
        samples_ours.append((between - began) * 1e3)
    return Comparison(Spread.of(samples_ours[warm_up:]), Spread.of(samples_bare[warm_up:]), "ms")


#: What one turn does: gets the seconds that it has and returns how many it finished.
Work = Callable[[float], int | Awaitable[int]]


async def rates(ours: Work, bare: Work, effort: Effort) -> Comparison:
    """Let *ours* and *bare* work in turn and compare how many a second they finish.

    The first turn is short and thrown away.
    """
    return await _take_turns(ours, bare, effort, "1/s", lambda done, wall_s, _: done / wall_s)


async def cpu_costs(ours: Work, bare: Work, effort: Effort) -> Comparison:
    """As `rates`, but compare this process's CPU time for each one that was finished."""
    return await _take_turns(ours, bare, effort, "us", lambda done, _, cpu_s: cpu_s / done * 1e6)


async def _take_turns(
    ours: Work, bare: Work, effort: Effort, unit: str, sample: Callable[[int, float, float], float]
) -> Comparison:
    sides: tuple[tuple[Work, list[float]], ...] = (ours, []), (bare, [])
    for turn in range(1 + effort.turns):
        seconds = effort.turn_s if turn else effort.turn_s / 3
        for work, samples in sides:
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            done = work(seconds)
            if not isinstance(done, int):
                done = await done
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
            samples.append(sample(done, wall_s, cpu_s))
    (_, samples_ours), (_, samples_bare) = sides
    return Comparison(Spread.of(samples_ours[1:]), Spread.of(samples_bare[1:]), unit)
