"""`gavel status`: how the daemons fare, once or again and again until Ctrl-C."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from daemons.cli.options import config_option
from daemons.config import Config
from daemons.supervisor.client import Client, NotRunning, Refused

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

EXIT_NOT_RUNNING = 1
EXIT_NOT_READY = 3
EVERY_S = 1.0
#: Rows stay on one line each for `grep` and the like.
_PIPE_COLUMNS = 240


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
@click.option("--watch", is_flag=True, help="Again and again, until Ctrl-C.")
def status(config: Config, *, as_json: bool, watch: bool) -> None:
    """Show daemons, queue and workers.

    Exit code 0 when everything is ready, 3 when something is not, 1 when no supervisor runs.
    """
    if watch and as_json:
        raise click.UsageError("--watch is for people; ask --json as often as you need it")
    if watch:
        _watch(config)
        return
    try:
        answer = _ask(config)
    except (NotRunning, Refused) as exc:
        click.echo(f"gavel: {exc}", err=True)
        sys.exit(EXIT_NOT_RUNNING)
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _console().print(_view(answer))
    sys.exit(0 if answer["ready"] else EXIT_NOT_READY)


def _ask(config: Config) -> dict[str, Any]:
    with Client(config.path(config.supervisor.control)) as client:
        answer: dict[str, Any] = client.ask("status")
    return answer


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    return console


def _watch(config: Config) -> None:
    """Show the status each second; a supervisor that is away is waited for."""
    from rich.live import Live

    console = _console()
    try:
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            for view in _views(config):
                live.update(view, refresh=True)
                time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return


def _views(config: Config) -> Iterator[RenderableType]:
    before: tuple[float, int] | None = None
    while True:
        try:
            answer = _ask(config)
        except (NotRunning, Refused) as exc:
            before = None
            yield f"[yellow]{exc}[/]"
            continue
        now = (time.monotonic(), answer["store"]["queued_total"]) if answer["store"] else None
        yield _view(answer, _per_s(before, now))
        before = now


def _per_s(before: tuple[float, int] | None, now: tuple[float, int] | None) -> float | None:
    """Return by how much a counter has grown each second between two looks."""
    if before is None or now is None or now[1] < before[1]:
        return None
    return (now[1] - before[1]) / (now[0] - before[0])


def _view(answer: dict[str, Any], queued_per_s: float | None = None) -> RenderableType:
    """Return *answer* for people."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table("daemon", "state", "pid", "up", "restarts", "listens", "says", box=None)
    for name, daemon in answer["daemons"].items():
        for one in daemon["instances"]:
            table.add_row(
                name,
                _coloured(one),
                str(one["pid"] or "-"),
                _duration(one["uptime_s"]),
                str(one["restarts"]),
                " ".join(daemon["listen"]),
                escape(one["status"] or _last_exit(one)),
            )
    lines = [_queue_line(answer), *_store_lines(answer, queued_per_s)]
    for worker in answer["workers"] or []:
        lines += _worker_lines(worker)
    return Group(table, *(Text.from_markup(line, overflow="fold") for line in lines))


def _queue_line(answer: dict[str, Any]) -> str:
    if answer["queue"] is None:
        return "queue: [yellow]unknown, the store is away[/]"
    return "queue: {depth} waiting, {running} running, {dead} dead".format(**answer["queue"])


def _store_lines(answer: dict[str, Any], queued_per_s: float | None) -> Iterator[str]:
    if store := answer["store"]:
        queued = f"{queued_per_s:.1f} queued a second, " if queued_per_s is not None else ""
        yield f"rates: {queued}{store['judged_per_s']:.1f} judged a second"
        yield f"store: {store['memory_bytes'] / 1e6:.1f} MB"
    if dropped := answer["log"]["dropped_lines"]:
        yield f"log: [yellow]{dropped} lines dropped[/]"


def _worker_lines(worker: dict[str, Any]) -> Iterator[str]:
    from rich.markup import escape

    yield escape("worker {name}: {busy} of {slots} slots busy, {grade}".format(**worker))
    for reason in worker["closed"]:
        yield f"    [red]closed[/], an attack got through: {escape(reason)}"


def _last_exit(one: dict[str, Any]) -> str:
    ending = one["last_exit"]
    return f"last: {ending['reason']}" if ending and not one["ready"] else ""


def _coloured(one: dict[str, Any]) -> str:
    if one["state"] == "running":
        return "[green]running[/]" if one["ready"] else "[yellow]not ready[/]"
    colour = "red" if one["state"] in {"failed", "held", "ended"} else "yellow"
    return f"[{colour}]{one['state']}[/]"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
