"""The measuring itself: turns, warm-up, spreads, targets, and the report made of them."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.__main__ import BENCHMARKS, bench
from benchmarks.bare import run_bare, run_bare_for
from benchmarks.measure import (
    WARM_UP,
    Benchmark,
    Comparison,
    Effort,
    NotInstalled,
    Spread,
    Target,
    at_most_more,
    benchmark,
    durations,
    rates,
    ratio_at_least,
    ratio_at_most,
)
from benchmarks.report import Row, make_document, make_table

TWICE = Comparison(Spread(1.0, 2.0, 3.0, 9), Spread(0.5, 1.0, 1.5, 9), "ms")


def test_spread_is_median_and_percentiles() -> None:
    """The spread of 0 to 100 is 5, 50 and 95, whatever their order."""
    assert Spread.of([float(number) for number in reversed(range(101))]) == Spread(5, 50, 95, 101)


@pytest.mark.parametrize(
    ("target", "holds"),
    [
        (ratio_at_most(2.0), True),
        (ratio_at_most(1.9), False),
        (ratio_at_least(2.0), True),
        (ratio_at_least(2.1), False),
        (at_most_more(1.0, "ms"), True),
        (at_most_more(0.9, "ms"), False),
    ],
)
def test_target_bounds_the_comparison(target: Target, *, holds: bool) -> None:
    """A target is met at its bound and missed beyond it."""
    assert target.holds(TWICE) is holds


async def test_durations_take_turns_and_drop_the_warm_up() -> None:
    """Ours and the baseline alternate, and the first samples of both do not count."""
    order: list[str] = []

    async def ours() -> None:
        order.append("ours")

    made = await durations(ours, lambda: order.append("bare"), rounds=4)
    assert order == ["ours", "bare"] * (WARM_UP + 4)
    assert made.ours.samples == made.bare.samples == 4


async def test_rates_take_turns_and_drop_the_first() -> None:
    """Each side is told how long it has, and the short first turn does not count."""
    told: list[tuple[str, float]] = []

    async def ours(seconds: float) -> int:
        told.append(("ours", seconds))
        return 2

    def bare(seconds: float) -> int:
        told.append(("bare", seconds))
        return 1

    made = await rates(ours, bare, Effort(rounds=2, turns=2, turn_s=0.03))
    assert told == [(side, seconds) for seconds in (0.01, 0.03, 0.03) for side in ("ours", "bare")]
    assert made.ours.samples == made.bare.samples == 2


def test_run_bare_returns_the_output(tmp_path: Path) -> None:
    """The baseline really runs the program, with its input, and refuses one that fails."""
    given = tmp_path / "given"
    given.write_text("20 22")
    assert run_bare(["/bin/cat"], given) == b"20 22"
    with pytest.raises(RuntimeError, match="ended with 1"):
        run_bare(["/bin/false"], given)


def test_run_bare_for_counts_what_ended(tmp_path: Path) -> None:
    """The count is of all programs that were started within the time, and they have ended."""
    trace = tmp_path / "trace"
    trace.touch()
    script = f"printf x >>{shlex.quote(str(trace))}"
    count = run_bare_for(0.5, ["/bin/sh", "-c", script], Path("/dev/null"))
    assert count == len(trace.read_text())


def test_every_benchmark_tells_its_method() -> None:
    """No number without the way in which it came about, and no name twice."""
    assert all(len(each.method) > 40 for each in BENCHMARKS)
    assert len({each.name for each in BENCHMARKS}) == len(BENCHMARKS)


def test_document_has_ratio_target_and_method() -> None:
    """The file tells a program what the table tells a person."""

    @benchmark("name", ours="a", bare="b", target=ratio_at_most(1.5))
    async def made(effort: Effort) -> Comparison:
        """Say how."""
        del effort
        return TWICE

    assert isinstance(made, Benchmark)
    (row,) = make_document([(made, TWICE)])["benchmarks"]
    assert (row["ratio"], row["target"], row["met"]) == (2.0, "<= 1.5 x", False)
    assert row["method"] == "Say how."


def test_bench_measures_and_writes_the_file(tmp_path: Path) -> None:
    """One real benchmark, small: a table for people, numbers in the file."""
    output = tmp_path / "deep" / "bench.json"
    done = CliRunner().invoke(bench, ["round-trip", "--rounds", "2", "--json", str(output)])
    assert done.exit_code == 0, done.output
    assert "round-trip" in done.output
    (row,) = json.loads(output.read_text())["benchmarks"]
    assert row["ours"]["median"] > 0
    assert row["bare"]["samples"] == 10


def test_bench_names_what_it_does_not_know() -> None:
    """A misspelt name is an error that lists the right ones."""
    done = CliRunner().invoke(bench, ["round-trap"])
    assert done.exit_code == 2
    assert "round-trip" in done.output


def test_report_says_what_is_not_installed() -> None:
    """A peer that is missing has a row with what installs it, and no number."""

    async def measure_nothing(effort: Effort) -> Comparison:
        raise NotInstalled("nothing is not installed: apt-get install nothing")

    missing = benchmark("beside-nothing", ours="ours", bare="nothing")(measure_nothing)
    rows: list[Row] = [(missing, NotInstalled("apt-get install nothing"))]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(make_table(rows))
    assert "apt-get install nothing" in console.export_text()
    document = make_document(rows)
    assert document["benchmarks"] == []
    assert document["not_installed"] == {"beside-nothing": "apt-get install nothing"}
