"""A client of the API and the gateway: what `gavel submit` and `gavel watch` share.

Every error that a user can meet becomes a `ClientError` whose text tells the cause and the fix,
with the exit code: 2 when the request was wrong, 3 when nobody answers or the other side failed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import click
import httpx2
import trio
from trio_websocket import ConnectionClosed, HandshakeError, open_websocket_url

from daemons.config import Address, Config, load_config
from daemons.supervisor.client import Client, NotRunning
from protocol.frames import CloseCode

EXIT_USAGE = 2
EXIT_UNREACHABLE = 3

#: Longer than the API takes to say that its store is away.
_ANSWER_S = 15.0
_CONNECT_S = 5.0
#: Between tries to get the gateway back: full jitter, so that a restart is not met by a stampede.
_BACKOFF_FIRST_S = 0.2
_BACKOFF_MAX_S = 5.0
#: These say that the next try would end the same way.
_FATAL_CODES = frozenset(
    {
        CloseCode.PROTOCOL,
        CloseCode.UNSUPPORTED,
        CloseCode.BAD_UTF8,
        CloseCode.BAD_FIRST_MESSAGE,
        CloseCode.TOO_BIG,
        CloseCode.BAD_TOKEN,
    }
)

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
    """Return a client of the API at *server*; close it with `async with`."""
    # No proxy from the environment: loopback is the rule here, and --server is explicit.
    return httpx2.AsyncClient(base_url=server, timeout=_ANSWER_S, trust_env=False)


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
    code = EXIT_UNREACHABLE if answer.is_server_error else EXIT_USAGE
    raise ClientError("\n".join(lines), code)


class Follower:
    """Follows the events of *user_id* at *gateway*, those after the id *after* first if given.

    *note* gets a line when the gateway goes away while it is followed; it is waited for up to
    *patience_s*.
    """

    def __init__(
        self,
        gateway: str,
        user_id: str,
        after: int | None,
        note: Callable[[str], None],
        *,
        patience_s: float = math.inf,
    ) -> None:
        self._gateway = gateway
        self._user_id = user_id
        self._position = after
        self._note = note
        self._patience_s = patience_s
        self._live = False
        self._failures = 0
        self._away_since = math.inf

    async def run(self, frames: trio.MemorySendChannel[Frame]) -> None:
        """Send all frames to *frames* until cancelled, across lost connections.

        Each connection begins with its `ready` frame.

        Raises:
            ClientError: the gateway was never there, or refuses this client.
        """
        with frames:
            while True:
                try:
                    await self._follow_once(frames)
                except (HandshakeError, ConnectionClosed, trio.BrokenResourceError) as exc:
                    self._endure(exc)
                limit_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2**self._failures)
                self._failures = min(self._failures + 1, 10)
                await trio.sleep(random.uniform(0, limit_s))

    async def _follow_once(self, frames: trio.MemorySendChannel[Frame]) -> None:
        async with _open_socket(self._gateway) as socket:
            await socket.send_message(self._hello())
            while True:
                frame = _frame(await socket.get_message())
                self._position = frame.get("id", self._position)
                await frames.send(frame)
                self._failures = 0
                self._live = True

    def _hello(self) -> str:
        hello: Frame = {"user_id": self._user_id, "client": "gavel"}
        return json.dumps(hello if self._position is None else hello | {"after": self._position})

    def _endure(self, exc: Exception) -> None:
        """Raise the error that *exc* is, unless another try may help."""
        if not self._live or _is_fatal(exc):
            raise ClientError(_why(self._gateway, exc)) from exc
        now = trio.current_time()
        if self._failures == 0:
            self._away_since = now
            self._note("the gateway is away; waiting for it")
        elif now - self._away_since > self._patience_s:
            raise ClientError(_why(self._gateway, exc)) from exc


def _frame(message: str | bytes) -> Frame:
    try:
        frame = json.loads(message)
    except ValueError:
        frame = None
    if not isinstance(frame, dict) or "type" not in frame:
        raise ClientError("what answers at --gateway does not speak as Gavel's gateway does")
    return frame


def _open_socket(gateway: str) -> contextlib.AbstractAsyncContextManager[Any]:
    try:
        return open_websocket_url(gateway, connect_timeout=_CONNECT_S, disconnect_timeout=1)
    except ValueError as exc:
        raise ClientError(f"--gateway {gateway}: {exc}", EXIT_USAGE) from exc


def _is_fatal(exc: BaseException) -> bool:
    closed = exc.reason if isinstance(exc, ConnectionClosed) else None
    return closed is not None and closed.code in _FATAL_CODES


def _why(gateway: str, exc: BaseException) -> str:
    if isinstance(exc, ConnectionClosed) and exc.reason is not None:
        return f"the gateway at {gateway} closed: {exc.reason.code} {exc.reason.reason or ''}"
    return (
        f"no WebSocket gateway answers at {gateway}; start it with `make run`, "
        "or name another address with --gateway"
    )


def run_client(main: Callable[[], Awaitable[int]], tell: Callable[[str], None]) -> int:
    """Run *main* on Trio and return its exit code; a `ClientError` goes to *tell* in words."""
    code = EXIT_UNREACHABLE
    try:
        code = trio.run(main)
    except* ClientError as group:
        error = _first(group)
        code = error.code
        tell(str(error))
    except* KeyboardInterrupt:
        code = 130  # as a shell reports a program that Ctrl-C ended
    except* BrokenPipeError:
        # `| head` has seen enough; the interpreter's last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    return code


def _first(group: BaseExceptionGroup[ClientError]) -> ClientError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
