"""`gavel submit`: send a program in and, with --wait, watch its verdict come test by test.

The WebSocket is opened first, so that nothing of this submission's story is missed; the verdict
that counts is then read from the API.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path

import click
import httpx2

from daemons.cli.remote import (
    EXIT_UNREACHABLE,
    EXIT_USAGE,
    ClientError,
    Frame,
    call_api,
    find_gateway,
    find_server,
    find_token,
    open_client,
    run_client,
    server_options,
)
from daemons.cli.verdicts import Story, open_story
from daemons.gateway.client import Events, open_events
from judging.languages import language_of
from protocol.lifecycle import FINAL
from protocol.messages import EventType, Status, Verdict, is_user_id

#: A restart of the gateway takes a second or two; later than that nobody sits and waits.
_PATIENCE_S = 30.0
_FINAL_EVENTS = frozenset(type_.value for type_ in EventType if type_.final)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--problem", required=True, metavar="ID", help="The problem that it solves.")
@click.option("--language", metavar="L", help="Its language; guessed from FILE's extension.")
@click.option("--user", metavar="U", help="Who submits; by default the name of your login.")
@click.option("--wait", is_flag=True, help="Follow the verdict live, test by test.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@server_options
def submit(
    file: Path,
    problem: str,
    language: str | None,
    user: str | None,
    *,
    wait: bool,
    as_json: bool,
    server: str | None,
    gateway: str | None,
    config_file: str,
) -> None:
    """Submit the program in FILE.

    Exit code: 0 accepted (without --wait: submitted), 1 judged and not accepted, 2 wrong usage,
    3 system unreachable or internal error.
    """

    async def main() -> int:
        """Do it all under one Trio loop."""
        request: Frame = {
            "problem_id": problem,
            "user_id": user or _login_name(),
            "language": language or _guess_language(file),
            "code": _read_code(file),
        }
        address = find_server(server, config_file)
        if not wait:
            return await _submit_only(address, request, as_json=as_json)
        socket = find_gateway(gateway, server, config_file)
        return await _submit_and_follow(address, socket, request, as_json=as_json)

    sys.exit(run_client(main, _note))


def _note(text: str) -> None:
    click.echo(f"gavel: {text}", err=True)


def _login_name() -> str:
    # Root in a container may have no entry in the password file; getpass then raises.
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid{os.getuid()}"
    return name if is_user_id(name) else "anonymous"


def _guess_language(file: Path) -> str:
    language = language_of(file.name)
    if language is None:
        raise ClientError(
            f"{file.name}: no language is known by this extension; name it with --language",
            EXIT_USAGE,
        )
    return language.id


def _read_code(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise ClientError(f"{file}: not UTF-8 at byte {exc.start}", EXIT_USAGE) from exc
    except OSError as exc:
        raise ClientError(f"{file}: {exc.strerror}", EXIT_USAGE) from exc


async def _submit_only(server: str, request: Frame, *, as_json: bool) -> int:
    async with open_client(server) as client:
        submission = await call_api(client, "POST", "/submissions", request)
    if as_json:
        click.echo(json.dumps(submission, indent=2))
    else:
        click.echo(f"{submission['id']} is in the queue, position {submission['position']}")
        click.echo(f"its state: {server}/submissions/{submission['id']}")
    return 0


async def _submit_and_follow(server: str, gateway: str, request: Frame, *, as_json: bool) -> int:
    def tell_away() -> None:
        _note("the gateway is away; waiting for it")

    async with (
        open_client(server) as client,
        open_events(
            gateway,
            request["user_id"],
            token=find_token(),
            patience_s=_PATIENCE_S,
            on_away=tell_away,
        ) as events,
    ):
        submission = await call_api(client, "POST", "/submissions", request)
        with open_story(silent=as_json) as story:
            await _tell_until_done(client, submission["id"], events, story)
            submission = await call_api(client, "GET", f"/submissions/{submission['id']}")
            story.finish(submission)
    if as_json:
        click.echo(json.dumps(submission, indent=2))
    return _exit_code(submission)


async def _tell_until_done(
    client: httpx2.AsyncClient, submission_id: str, events: Events, story: Story
) -> None:
    """Tell *story* the submission's events until the final one."""
    async for event in events:
        if event["type"] == "gap":
            # What happened meanwhile is not in the history any more; the state still tells.
            state = await call_api(client, "GET", f"/submissions/{submission_id}")
            if Status(state["status"]) in FINAL:
                return
        elif event["submission_id"] == submission_id:
            story.tell(event)
            if event["type"] in _FINAL_EVENTS:
                return


def _exit_code(submission: Frame) -> int:
    if submission["verdict"] == Verdict.ACCEPTED:
        return 0
    if submission["verdict"] == Verdict.INTERNAL_ERROR:
        return EXIT_UNREACHABLE
    return 1
