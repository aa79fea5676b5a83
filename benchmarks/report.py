"""The results for a person, as a table, and for a program, as one JSON document."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.measure import Benchmark, Comparison, NotInstalled, Spread

#: A benchmark, and what it found or why there is nothing to find here.
Row = tuple[Benchmark, Comparison | NotInstalled]


def make_table(results: list[Row]) -> Table:
    """Return the table of all results: medians, the spread around them, ratio and target."""
    table = Table(
        box=box.SIMPLE_HEAD,
        caption="median (5 % - 95 %); ours and bare took turns in this run; only ratios compare",
        caption_justify="left",
    )
    for heading in ("benchmark", "ours", "bare", "ratio", "must be", ""):
        first = heading == "benchmark"
        table.add_column(heading, justify="left" if first else "right", min_width=30 * first)
    for benchmark, made in results:
        what = f"[bold]{benchmark.name}[/]\n[dim]{benchmark.ours}\nbare: {benchmark.bare}[/]"
        if isinstance(made, NotInstalled):
            table.add_row(f"{what}\n[yellow]{made}[/]")
            continue
        table.add_row(
            what,
            _shown(made.ours, made.unit),
            _shown(made.bare, made.unit),
            f"{made.ratio:.2f} x",
            benchmark.target.text if benchmark.target else "",
            _mark(benchmark, made),
        )
    return table


def make_document(results: list[Row]) -> dict[str, Any]:
    """Return the results with the machine they were made on."""
    return {
        "machine": {
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "benchmarks": [
            {
                "name": benchmark.name,
                "ours": {"what": benchmark.ours, **asdict(made.ours)},
                "bare": {"what": benchmark.bare, **asdict(made.bare)},
                "unit": made.unit,
                "ratio": made.ratio,
                "target": benchmark.target.text if benchmark.target else None,
                "met": benchmark.target.holds(made) if benchmark.target else None,
                "method": benchmark.method,
            }
            for benchmark, made in results
            if isinstance(made, Comparison)
        ],
        "not_installed": {
            benchmark.name: str(made)
            for benchmark, made in results
            if isinstance(made, NotInstalled)
        },
    }


def _shown(spread: Spread, unit: str) -> str:
    digits = 2 if spread.median < 100 else 0
    return (
        f"{spread.median:.{digits}f} {unit}\n"
        f"[dim]({spread.low:.{digits}f} - {spread.high:.{digits}f})[/]"
    )


def _mark(benchmark: Benchmark, made: Comparison) -> str:
    if benchmark.target is None:
        return ""
    return "[green]met[/]" if benchmark.target.holds(made) else "[red]missed[/]"
