"""`gavel doctor`: what this machine can enforce, what happens without, and what mends it.

It does not only look: short rows of the threat table attack a box of this machine from inside.
"""

from __future__ import annotations

import sys

import click
import msgspec
import trio
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemons.cli.boxes import EXIT_INTERNAL
from daemons.worker.toolchains import image_of
from sandbox import Capabilities, Grade, SandboxError, open_sandbox, probe_host
from sandbox.attack import COMMAND, Finding, attack_box

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

    Some thirty attacks are run in a box, too, each of them a row of the table of threats.

    Exit code: 0 everything is enforced, 1 something is weaker, 3 no program can run here, or an
    attack got through.
    """
    found = probe_host()
    try:
        attacks = trio.run(_attack) if found.grade else ()
    except SandboxError as exc:
        click.echo(f"gavel: the attacks could not be run: {exc}", err=True)
        sys.exit(EXIT_INTERNAL)
    if as_json:
        document = msgspec.to_builtins(found) | {"attacks": msgspec.to_builtins(attacks)}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        _print(found)
        _print_attacks(attacks)
        click.echo(_SAYS[found.grade])
    if found.grade is None or any(attack.faults for attack in attacks):
        sys.exit(EXIT_INTERNAL)
    sys.exit(0 if all(item.works or item.advice for item in found.items) else 1)


async def _attack() -> tuple[Finding, ...]:
    opening = open_sandbox(slots=1, image=image_of([]), grade=Grade.REDUCED, interpreter=COMMAND)
    async with opening as sandbox:
        return await attack_box(sandbox.boxes[0])


def _print_attacks(attacks: tuple[Finding, ...]) -> None:
    """Print a line for each row, and what it means when one got through."""
    table = Table(box=None, header_style="bold")
    for column in ("row", "attack", "tier", "result", "rule"):
        table.add_column(column)
    for attack in sorted(attacks, key=lambda one: one.row):
        result = "[red]GOT THROUGH[/]" if attack.faults else "contained"
        table.add_row(str(attack.row), attack.name, attack.tier, result, attack.rule)
    _console().print(table)
    for attack in attacks:
        if attack.faults:
            click.echo(
                f"{attack}\nDo not run other people's programs here. If nothing above says what is "
                "missing, report this line with the versions of kernel and Gavel."
            )


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 120)


def _print(found: Capabilities) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("wanted", "given", "what was seen", "without it"):
        table.add_column(column)
    for item in found.items:
        without = "" if item.works else item.fallback
        mark = "advice" if item.advice and not item.works else _MARKS[item.works, item.needed]
        table.add_row(item.name, mark, escape(item.finding), without)
    _console().print(table)
    fixes = [(item.name, item.fix) for item in found.items if not item.works and item.fix]
    if fixes:
        click.echo("What mends it, to be run as root unless it begins with systemd-run:")
    for name, fix in fixes:
        click.echo(f"  {name}: {fix}")
    if any(fix.startswith("sysctl") for _, fix in fixes):
        click.echo(
            "  (sysctl lasts until the next start; a line in /etc/sysctl.d/gavel.conf stays)"
        )
