"""`gavel api`, `gateway`, `worker`, `store`: one daemon alone, for systemd or a container.

Each speaks systemd's protocols (``LISTEN_FDS``, ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``) and needs no
supervisor of ours; ours starts them by these same commands.
"""

from __future__ import annotations

import importlib

import click

from daemons.cli.options import config_option
from daemons.config import Config
from daemons.service import wait_at_gate


def _run(daemon: str, config: Config) -> None:
    """Run *daemon*'s main and end the process with its exit code."""
    module = importlib.import_module(f"daemons.{daemon}.main")
    wait_at_gate()
    raise SystemExit(module.run(config))


@click.command()
@config_option
def api(config: Config) -> None:
    """Run the HTTP API alone.

    Listens on [api] listen unless it gets sockets by LISTEN_FDS.
    """
    _run("api", config)


@click.command()
@config_option
def gateway(config: Config) -> None:
    """Run the WebSocket gateway alone.

    Listens on [gateway] listen unless it gets sockets by LISTEN_FDS.
    """
    _run("gateway", config)


@click.command()
@config_option
def worker(config: Config) -> None:
    """Run a worker alone: it takes submissions from the store and judges them.

    Any number of them, on any number of machines, may share one store.
    """
    _run("worker", config)


@click.command()
@config_option
def store(config: Config) -> None:
    """Run the embedded store alone, as `gavel up` would.

    Only for [store] url = "embedded"; its data lies in [store] dir.
    """
    from daemons.supervisor.store import exec_store

    exec_store(config)
