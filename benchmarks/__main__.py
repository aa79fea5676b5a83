"""`make bench`: run the benchmarks, print a table, write the numbers to a file."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import click
import trio
from rich.console import Console

from benchmarks.client import (
    command_cpu,
    command_cpu_coredis,
    round_trip,
    round_trips,
    round_trips_coredis,
)
from benchmarks.compiling import compile_cpp, compile_java, compile_known
from benchmarks.depth import deep_claim, deep_submit, deep_sweep
from benchmarks.ending import hello_rate_1, hello_rate_2, kill_400
from benchmarks.many_tests import hundred_tests, hundred_tests_2
from benchmarks.measure import Benchmark, Effort, NotInstalled
from benchmarks.peers import beside_bwrap, beside_nsjail
from benchmarks.report import Row, make_document, make_table
from benchmarks.sandboxed import sandboxed_hello, sandboxed_java, sandboxed_python
from benchmarks.store import submit
from benchmarks.verdict import throughput, verdict
from benchmarks.whole import idle_memory, start

#: All benchmarks, in the order of the table. A new one is a decorated function and a place here.
BENCHMARKS: tuple[Benchmark, ...] = (
    verdict,
    throughput,
    sandboxed_hello,
    sandboxed_python,
    sandboxed_java,
    hundred_tests,
    hundred_tests_2,
    start,
    idle_memory,
    compile_cpp,
    compile_known,
    compile_java,
    beside_bwrap,
    beside_nsjail,
    hello_rate_1,
    hello_rate_2,
    kill_400,
    submit,
    deep_submit,
    deep_claim,
    deep_sweep,
    round_trip,
    round_trips,
    round_trips_coredis,
    command_cpu,
    command_cpu_coredis,
)

#: Two minutes for all of them, and several for figures that are kept.
QUICK, FULL = Effort(30, 2, 1.0), Effort(200, 3, 3.0)
#: A spread needs two samples at least.
MANY = click.IntRange(min=2)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--full", is_flag=True, help="Measure for minutes, for figures that are kept.")
@click.option(
    "--rounds", type=MANY, help=f"Samples per duration: {QUICK.rounds}, or {FULL.rounds} in full."
)
@click.option("--list", "only_list", is_flag=True, help="Tell what there is and how it measures.")
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("var/bench.json"),
    show_default=True,
    help="Where the numbers go.",
)
def bench(
    names: tuple[str, ...], full: bool, rounds: int | None, only_list: bool, output: Path
) -> None:
    """Measure Gavel beside bare baselines in the same run; all benchmarks, or those NAMEd."""
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    if unknown := set(names) - set(known):
        raise click.UsageError(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in names or known]
    console = Console(width=None if sys.stdout.isatty() else 110)
    if only_list:
        for benchmark in chosen:
            console.print(f"[bold]{benchmark.name}[/]\n    {benchmark.method}\n")
        return
    effort = FULL if full else QUICK
    results = trio.run(_measure, chosen, replace(effort, rounds=rounds or effort.rounds), console)
    console.print(make_table(results))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(make_document(results), indent=2) + "\n")
    console.print(f"[dim]{output}[/]")


async def _measure(chosen: list[Benchmark], effort: Effort, console: Console) -> list[Row]:
    """Run *chosen* one after the other, so that none disturbs another."""
    results: list[Row] = []
    for benchmark in chosen:
        with console.status(f"measuring {benchmark.name}"):
            try:
                results.append((benchmark, await benchmark.measure(effort)))
            except NotInstalled as exc:
                results.append((benchmark, exc))
    return results


if __name__ == "__main__":
    bench(prog_name="make bench")
