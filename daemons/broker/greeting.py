"""How a connection begins: reach the server, say who we are, see that it can be written to."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import trio
from redis.exceptions import ResponseError

from daemons.broker.connection import Connection, cause_of
from daemons.broker.endpoint import Endpoint
from daemons.broker.errors import StoreUnavailable


async def connect(
    endpoint: Endpoint, *, connect_s: float, reply_s: float, on_push: Callable[[list[Any]], None]
) -> Connection:
    """Connect to *endpoint*; the caller must `run` the connection and `greet` the server.

    Raises:
        StoreUnavailable: nobody answers there within *connect_s*.
    """
    try:
        with trio.fail_after(connect_s):
            stream = await endpoint.open_stream()
    except trio.TooSlowError as exc:
        raise StoreUnavailable(f"no connection within {connect_s:g} s") from exc
    except (OSError, trio.BrokenResourceError, ssl.SSLError) as exc:
        raise StoreUnavailable(cause_of(exc)) from exc
    return Connection(stream, reply_s=reply_s, on_push=on_push)


async def greet(connection: Connection, endpoint: Endpoint, name: str) -> None:
    """Speak RESP3, authenticate, name the connection, choose the database, see that it serves.

    Raises:
        StoreUnavailable: the server refuses one of them, is a replica, or loads its data still;
            says why.
    """
    for command in endpoint.greeting(name):
        try:
            answer = await connection.command(*command)
        except (ResponseError, StoreUnavailable) as exc:
            raise StoreUnavailable(f"{command[0]} refused: {exc}") from exc
        if isinstance(answer, dict) and answer.get(b"role", b"master") != b"master":
            raise StoreUnavailable("this is a replica, which cannot be written to")
