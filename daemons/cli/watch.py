"""`gavel watch`: a user's events as they come, one JSON object a line."""

from __future__ import annotations

import json
import sys

import click

from daemons.cli.remote import EXIT_USAGE, find_gateway, find_token, run_client, server_options
from daemons.gateway.client import open_events
from protocol.messages import is_user_id


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
    def tell_away() -> None:
        _note("the gateway is away; waiting for it")

    opening = open_events(gateway, user, after=after, token=find_token(), on_away=tell_away)
    async with opening as events:
        async for event in events:
            if event["type"] == "gap":
                _note(f"events were missed ({event['reason']}); re-read the state")
            else:
                click.echo(json.dumps(event, separators=(",", ":")))
    return 0
