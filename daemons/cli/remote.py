"""A client of the API and the gateway: what `gavel submit` and `gavel watch` share.

Every error that a user can meet becomes a `ClientError` whose text tells the cause and the fix,
with the exit code: 2 when the request was wrong, 3 when nobody answers or the other side failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import click
import httpx2
import trio

from daemons.config import Address, Config, load_config
from daemons.gateway.client import BadAddress, GatewayError, Refused
from daemons.supervisor.client import Client, NotRunning

EXIT_USAGE = 2
EXIT_UNREACHABLE = 3

#: Longer than the API takes to say that its store is away.
_ANSWER_S = 15.0
Frame = dict[str, Any]
Function = TypeVar("Function", bound=Callable[..., Any])


class ClientError(Exception):
    """The command cannot go on; the text tells why and what to do.

    Attributes:
        code: the exit code.
    """

    def __init__(self, message: str, code: int = EXIT_UNREACHABLE) -> None:
        super().__init__(message)
        self.code = code


def server_options(function: Function) -> Function:
    """Add --server, --gateway and --config; the command gets `server`, `gateway`, `config_file`."""
    for option in (
        click.option(
            "--config",
            "config_file",
            default="supervisor.toml",
            envvar="GAVEL_CONFIG",
            help="Where the addresses stand, if it is there.",
        ),
        click.option(
            "--gateway", metavar="URL", envvar="GAVEL_GATEWAY", help="ws:// address of the gateway."
        ),
        click.option(
            "--server", metavar="URL", envvar="GAVEL_SERVER", help="http:// address of the API."
        ),
    ):
        function = option(function)
    return function


def find_server(server: str | None, config_file: str) -> str:
    """Return the API's address: *server*, else that of the configuration, else the default."""
    return (server or f"http://{_listening(config_file, 'api')}").rstrip("/")


def find_gateway(gateway: str | None, server: str | None, config_file: str) -> str:
    """Return the gateway's address; by default on the host of *server*, on the configured port."""
    if gateway:
        return gateway
    address = _listening(config_file, "gateway")
    if server is None:
        return f"ws://{address}/"
    there = urlsplit(server)
    host = Address(there.hostname or address.host, address.port)
    return f"{'wss' if there.scheme == 'https' else 'ws'}://{host}/"


def _listening(config_file: str, daemon: Literal["api", "gateway"]) -> Address:
    path = Path(config_file)
    config = load_config(path) if path.exists() else Config()
    address = config.api.address if daemon == "api" else config.gateway.address
    # Port 0 lets the system choose; only the supervisor knows what it chose.
    return address if address.port else _chosen(config, daemon)


def _chosen(config: Config, daemon: str) -> Address:
    try:
        with Client(config.path(config.supervisor.control)) as supervisor:
            status = supervisor.ask("status")
    except NotRunning as exc:
        raise ClientError(f"the configuration names no port, and {exc}") from exc
    listening = status["daemons"].get(daemon, {}).get("listen")
    if not listening:
        raise ClientError(f"{daemon} does not listen now; see `gavel status`")
    return Address.parse(listening[0])


async def call_api(
    client: httpx2.AsyncClient, method: str, path: str, body: object = None
) -> Frame:
    """Send one request and return the JSON of its answer.

    Raises:
        ClientError: nobody answers, or the answer is an error.
    """
    try:
        answer = await client.request(method, path, json=body)
    except httpx2.InvalidURL as exc:
        raise ClientError(f"{client.base_url} is no address: {exc}", EXIT_USAGE) from exc
    except httpx2.UnsupportedProtocol as exc:
        raise ClientError("--server begins with http:// or https://", EXIT_USAGE) from exc
    except httpx2.ConnectError as exc:
        raise ClientError(
            f"nothing answers at {client.base_url}; start it with `make run`, "
            "or name another address with --server"
        ) from exc
    except httpx2.HTTPError as exc:
        raise ClientError(f"{client.base_url} gave no answer: {exc or type(exc).__name__}") from exc
    return _document(answer)


def open_client(server: str) -> httpx2.AsyncClient:
    """Return a client of the API at *server*, with the token if any; close it with `async with`."""
    token = find_token()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    # No proxy from the environment: loopback is the rule here, and --server is explicit.
    return httpx2.AsyncClient(base_url=server, timeout=_ANSWER_S, trust_env=False, headers=headers)


def find_token() -> str | None:
    """Return the token in `GAVEL_TOKEN`; on a command line everybody here could read it."""
    return os.environ.get("GAVEL_TOKEN") or None


async def fetch(server: str, path: str) -> Frame:
    """Return the JSON that the API at *server* has at *path*.

    Raises:
        ClientError: as for `call_api`.
    """
    async with open_client(server) as client:
        return await call_api(client, "GET", path)


def _document(answer: httpx2.Response) -> Frame:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ClientError(
            f"{answer.url} answers {answer.status_code} without JSON; is it Gavel's API?"
        )
    if answer.is_success:
        return document
    detail = str(document.get("detail", answer.reason_phrase))
    errors = document.get("errors", [])
    lines = [f"{error['field']}: {error['message']}" for error in errors] or [detail]
    if answer.status_code == httpx2.codes.UNAUTHORIZED:
        lines.append("put it into the environment variable GAVEL_TOKEN")
    code = EXIT_UNREACHABLE if answer.is_server_error else EXIT_USAGE
    raise ClientError("\n".join(lines), code)


def run_client(main: Callable[[], Awaitable[int]], tell: Callable[[str], None]) -> int:
    """Run *main* on Trio and return its exit code; an error that users can meet goes to *tell*."""
    code = EXIT_UNREACHABLE
    try:
        code = trio.run(main)
    except* (ClientError, GatewayError) as group:
        error = _first(group)
        error = error if isinstance(error, ClientError) else _in_words(error)
        code = error.code
        tell(str(error))
    except* KeyboardInterrupt:
        code = 130  # as a shell reports a program that Ctrl-C ended
    except* BrokenPipeError:
        # `| head` has seen enough; the interpreter's last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    return code


def _in_words(error: Exception) -> ClientError:
    if isinstance(error, BadAddress):
        return ClientError(f"--gateway: {error}", EXIT_USAGE)
    if isinstance(error, Refused):
        return ClientError(str(error))
    return ClientError(f"{error}; start it with `make run`, or name another address with --gateway")


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
