"""`gavel restart`, `scale`, `reload`, `stop`: talk to a running supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from daemons.cli.options import config_option
from daemons.config import Config
from daemons.supervisor.client import Client, NotRunning, Refused

#: What can be named on the command line, in start order; the store is there if it is embedded.
DAEMONS = ("store", "gateway", "worker", "api")


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
@click.argument("name", type=click.Choice(DAEMONS))
def restart(config: Config, name: str) -> None:
    """Start the daemon NAME anew without losing work.

    One process after the other. Of the API and the gateway the new process serves before the old
    one stops, so nobody is refused; a worker first finishes or gives back what it judges.
    """
    with _supervisor(config) as client:
        client.ask("restart", name=name)
    click.echo(f"{name} restarted")


@click.command()
@config_option
@click.argument("name", type=click.Choice(DAEMONS[1:]))
@click.argument("processes", type=click.IntRange(min=1))
def scale(config: Config, name: str, processes: int) -> None:
    """Run so many PROCESSES of the daemon NAME from now on.

    Fewer: those that go finish or give back what they have. The file is not changed: a `gavel
    reload` goes back to the number that stands there.
    """
    with _supervisor(config) as client:
        done = client.ask("scale", name=name, processes=processes)
    click.echo(done)


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
