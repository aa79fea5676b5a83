"""`gavel status`, `restart`, `reload`, `stop`: talk to a running supervisor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from daemons.cli.options import config_option
from daemons.config import Config
from daemons.supervisor.client import Client, NotRunning, Refused


@contextmanager
def _supervisor(config: Config) -> Iterator[Client]:
    """Connect; what goes wrong is one line on stderr and exit code 1."""
    try:
        with Client(config.path(config.supervisor.control)) as client:
            yield client
    except (NotRunning, Refused) as exc:
        click.echo(f"gavel: {exc}", err=True)
        raise SystemExit(1) from None


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def status(config: Config, as_json: bool) -> None:
    """Show daemons, queue and workers.

    Exit code 0 when everything is ready, 3 when something is not, 1 when no supervisor runs.
    """
    with _supervisor(config) as client:
        answer = client.ask("status")
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _print_status(answer)
    raise SystemExit(0 if answer["ready"] else 3)


@click.command()
@config_option
@click.argument("name")
def restart(config: Config, name: str) -> None:
    """Start the daemon NAME (store, gateway, worker, api) anew without losing work.

    One process after the other. Of the API and the gateway the new process serves before the old
    one stops, so nobody is refused; a worker first finishes or gives back what it judges.
    """
    with _supervisor(config) as client:
        client.ask("restart", name=name)
    click.echo(f"{name} restarted")


@click.command()
@config_option
def reload(config: Config) -> None:
    """Read the configuration again and apply what changed.

    A file with an error is refused whole, and everything goes on as it was.
    """
    with _supervisor(config) as client:
        applied = client.ask("reload")
    click.echo("\n".join(applied) or "nothing changed")


@click.command()
@config_option
def stop(config: Config) -> None:
    """Finish what runs, then stop everything; returns when all processes have ended."""
    with _supervisor(config) as client:
        client.stop()
    click.echo("stopped")


def _print_status(answer: dict[str, Any]) -> None:
    """Print *answer* for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("daemon", "state", "pid", "up", "restarts", "listens", "says", box=None)
    for name, daemon in answer["daemons"].items():
        for one in daemon["instances"]:
            table.add_row(
                name,
                _coloured(one["state"]),
                str(one["pid"] or "-"),
                _duration(one["uptime_s"]),
                str(one["restarts"]),
                " ".join(daemon["listen"]),
                one["status"] or _last_exit(one),
            )
    console.print(table)
    console.print(_queue_line(answer["queue"]))
    for worker in answer["workers"] or []:
        console.print("worker {name}: {busy} of {slots} slots busy, {grade}".format(**worker))
        for reason in worker["closed"]:
            console.print(f"    [red]closed[/], an attack got through: {reason}", soft_wrap=True)


def _queue_line(queue: dict[str, int] | None) -> str:
    if queue is None:
        return "queue: [yellow]unknown, the store is away[/]"
    return "queue: {depth} waiting, {running} running, {dead} dead".format(**queue)


def _last_exit(one: dict[str, Any]) -> str:
    ending = one["last_exit"]
    return f"last: {ending['reason']}" if ending and not one["ready"] else ""


def _coloured(state: str) -> str:
    colour = {"running": "green", "failed": "red", "held": "red"}.get(state, "yellow")
    return f"[{colour}]{state}[/]"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
