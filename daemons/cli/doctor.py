"""`gavel doctor`: what this machine can enforce, what happens without, and what mends it."""

from __future__ import annotations

import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table

from daemons.cli.boxes import EXIT_INTERNAL
from sandbox import Capabilities, Grade, probe_host

_MARKS = {(True, True): "yes", (True, False): "yes", (False, False): "weaker", (False, True): "NO"}
_SAYS = {
    Grade.FULL: "Programs run here at grade full: every limit is the kernel's.",
    Grade.REDUCED: "Programs run here at grade reduced: some limits are only sampled.",
    None: "No program can run here.",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(*, as_json: bool) -> None:
    """Try what the sandbox needs of this machine, and say what mends the rest.

    Exit code: 0 everything is enforced, 1 something is weaker, 3 no program can run here.
    """
    found = probe_host()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _print(found)
    if found.grade is None:
        sys.exit(EXIT_INTERNAL)
    sys.exit(0 if all(item.works for item in found.items) else 1)


def _print(found: Capabilities) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("wanted", "given", "what was seen", "without it"):
        table.add_column(column)
    for item in found.items:
        without = "" if item.works else item.fallback
        table.add_row(item.name, _MARKS[item.works, item.needed], item.finding, without)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for item in found.items:
        if not item.works and item.fix:
            click.echo(f"{item.name}: {item.fix}")
    click.echo(_SAYS[found.grade])
