"""`gavel up`: the supervisor in the foreground."""

from __future__ import annotations

import click

from daemons.cli.options import config_option
from daemons.config import Config

EXAMPLES = """\b
Examples:
  gavel up
  gavel up --config /etc/gavel.toml
  gavel up --ready-fd 3 3>ready
"""


@click.command(epilog=EXAMPLES)
@config_option
@click.option(
    "--ready-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help="Write one line to descriptor N when all daemons are ready, and close it.",
)
def up(config: Config, ready_fd: int | None) -> None:
    """Start everything and stay in the foreground.

    The store, the gateway, the worker and the API, each in its own process, started in this order
    and started again when they die. Ctrl-C or SIGTERM finishes what runs and stops all of them; a
    second one does not wait for what runs.
    """
    from daemons.supervisor.lock import AlreadyRunning
    from daemons.supervisor.main import run

    try:
        code = run(config, ready_fd=ready_fd)
    except AlreadyRunning as exc:
        click.echo(f"gavel: {exc}", err=True)
        code = 1
    raise SystemExit(code)
