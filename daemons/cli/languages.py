"""`gavel languages`: what this machine offers, and whether it works in the sandbox."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import Any

import click
import trio

from daemons.cli.boxes import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    note,
    quiet_logs,
    why_not_offered,
)
from daemons.cli.remote import fetch, run_client
from daemons.worker.programs import open_boxes
from daemons.worker.selftest import say_hello
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from sandbox import Box, Grade, SandboxError

#: Rows stay on one line each for `grep` and the like.
_PIPE_COLUMNS = 240

#: One row of the table, and one object of the JSON document.
Row = dict[str, Any]


@click.command()
@click.option("--test", is_flag=True, help="Run each one's self-test in the sandbox.")
@click.option("--packages", is_flag=True, help="Only name Debian's packages of what is missing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.option("--server", metavar="URL", help="Those that the workers of this API offer instead.")
def languages(*, test: bool, packages: bool, as_json: bool, server: str | None) -> None:
    """Show which languages this machine offers, with versions.

    Exit code: 0; with --test 1 when a language fails its test, 3 when the sandbox can't be opened.
    """
    quiet_logs("languages")
    if packages and (test or as_json or server is not None):
        raise click.UsageError("--packages stands alone")
    if server is not None:
        if test:
            raise click.UsageError("--test runs on this machine; leave out --server")
        sys.exit(run_client(partial(_show_remote, server.rstrip("/"), as_json), note))
    try:
        rows = trio.run(_survey, test)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except SandboxError as exc:
        note(f"this machine has no sandbox: {exc}")
        sys.exit(EXIT_INTERNAL)
    if packages:
        click.echo(" ".join(_missing_packages(rows)))
    elif as_json:
        click.echo(json.dumps({"languages": rows}, indent=2))
    else:
        _print(rows, tested=test)
    sys.exit(1 if any(row.get("error") for row in rows) else 0)


async def _show_remote(server: str, as_json: bool) -> int:
    document = await fetch(server, "/languages")
    rows = [row | {"offered": True} for row in document["languages"]]
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        _print(rows, tested=False)
    return 0


async def _survey(test: bool) -> list[Row]:
    known = load_languages()
    toolchains = await find_toolchains(known.values())
    errors = await _test(toolchains) if test else {}
    return [
        {
            "id": language.id,
            "name": language.name,
            "extensions": list(language.extensions),
            "offered": language.id in toolchains,
            "version": toolchains[language.id].version if language.id in toolchains else None,
            "reason": None if language.id in toolchains else why_not_offered(language),
        }
        | ({"error": errors.get(language.id)} if test and language.id in toolchains else {})
        for language in known.values()
    ]


def _missing_packages(rows: list[Row]) -> list[str]:
    """Return the packages that have the tools of languages that are not offered."""
    known = load_languages()
    missing = [known[row["id"]] for row in rows if not row["offered"]]
    return sorted({package for language in missing for package in language.debian})


async def _test(toolchains: dict[str, Toolchain]) -> dict[str, str | None]:
    """Return what went wrong with each language in the sandbox, None for nothing."""
    errors: dict[str, str | None] = {}
    waiting = iter(toolchains.items())

    async def work(box: Box) -> None:
        for id_, toolchain in waiting:
            try:
                errors[id_] = await say_hello(box, toolchain)
            except SandboxError as exc:
                errors[id_] = f"the sandbox failed: {exc}"

    boxes = open_boxes(toolchains.values(), slots=os.cpu_count() or 1, grade=Grade.REDUCED)
    async with boxes as sandbox, trio.open_nursery() as nursery:
        for box in sandbox.boxes:
            nursery.start_soon(work, box)
    return errors


def _print(rows: list[Row], *, tested: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    table = Table("id", "language", "files", "version", *(["test"] if tested else []), box=None)
    for row in rows:
        version = (
            escape(row["version"]) if row["offered"] else f"[yellow]{escape(row['reason'])}[/]"
        )
        cells = [row["id"], escape(row["name"]), " ".join(row["extensions"]), version]
        if tested and row["offered"]:
            cells.append("[red]failed[/]" if row["error"] else "[green]passed[/]")
        table.add_row(*cells)
    console.print(table)
    for row in rows:
        if row.get("error"):
            console.print(f"[red]{row['id']}[/]: {escape(row['error'].rstrip())}")
