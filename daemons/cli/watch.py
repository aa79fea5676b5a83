"""`gavel watch`: a user's events as they come, one JSON object a line."""

from __future__ import annotations

import json
import sys

import click
import trio

from daemons.cli.remote import (
    EXIT_USAGE,
    Follower,
    Frame,
    find_gateway,
    run_client,
    server_options,
)
from protocol.messages import is_user_id

_EVENTS_AHEAD = 256


@click.command()
@click.argument("user")
@click.option("--after", type=click.IntRange(min=0), metavar="SEQ", help="Id of the last one seen.")
@server_options
def watch(
    user: str, after: int | None, server: str | None, gateway: str | None, config_file: str
) -> None:
    """Print the events of USER until Ctrl-C; a lost connection is made anew and nothing missed.

    With --after, those after the event of that id come first.
    """
    if not is_user_id(user):
        _note("a user id has 1 to 128 of A-Z a-z 0-9 . _ @ + -")
        sys.exit(EXIT_USAGE)

    async def main() -> int:
        """Do it all under one Trio loop."""
        return await _print_events(find_gateway(gateway, server, config_file), user, after)

    sys.exit(run_client(main, _note))


def _note(text: str) -> None:
    click.echo(f"gavel: {text}", err=True)


async def _print_events(gateway: str, user: str, after: int | None) -> int:
    send, frames = trio.open_memory_channel[Frame](_EVENTS_AHEAD)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Follower(gateway, user, after, _note).run, send)
        with frames:
            async for frame in frames:
                if frame["type"] != "ready":
                    click.echo(json.dumps(frame, separators=(",", ":")))
                elif not frame.get("recovered", True):
                    reason = frame.get("reason", "unknown")
                    _note(f"events were missed ({reason}); re-read the state")
    return 0
