"""The control socket: one JSON object per line, answered by one JSON object per line.

``{"command": "restart", "name": "api"}`` gives ``{"ok": true, "result": ...}`` or
``{"ok": false, "error": "..."}`` when it is done. The socket's mode is 0600, and the kernel tells
whose process calls (SO_PEERCRED): only our own user and root are heard.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from daemons.logs import log
from daemons.supervisor.notify import bind_private

_CREDENTIALS = struct.Struct("3i")
_REQUEST_BYTES = 4096
_BACKLOG = 16
#: A caller that says nothing is let go.
_IDLE_S = 60.0


class CommandError(Exception):
    """A command can't be carried out; the message is for the caller."""


Handler = Callable[[dict[str, Any]], Awaitable[Any]]


async def serve_control(path: Path, handle: Handler) -> None:
    """Answer commands on the socket *path* until cancelled; the file is removed at the end.

    Args:
        path: where to listen.
        handle: gets the request; what it returns becomes ``result``, a `CommandError` ``error``.
    """
    with _open_listener(path) as listener:
        async with trio.open_nursery() as callers:
            while True:
                stream = await listener.accept()
                callers.start_soon(_serve_caller, stream, handle)


@contextmanager
def _open_listener(path: Path) -> Iterator[trio.SocketListener]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        bind_private(door, path)
        try:
            door.listen(_BACKLOG)
            yield trio.SocketListener(trio.socket.from_stdlib_socket(door))
        finally:
            path.unlink(missing_ok=True)


async def _serve_caller(stream: trio.SocketStream, handle: Handler) -> None:
    """Answer one caller's lines until he goes, is silent for long, or sends no line."""
    unread = bytearray()
    async with stream:
        if _uid_of(stream) not in {0, os.geteuid()}:
            return
        try:
            while (line := await _receive_line(stream, unread)) is not None:
                answer = await _answer(line, handle)
                await stream.send_all(json.dumps(answer).encode() + b"\n")
        except trio.BrokenResourceError:
            # He did not wait for the answer; the command has been carried out all the same.
            log.debug("caller gone")


def _uid_of(stream: trio.SocketStream) -> int:
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(raw)[1]
    return uid


async def _receive_line(stream: trio.SocketStream, unread: bytearray) -> bytes | None:
    """Return the next line, or None when there will be none; *unread* keeps what follows it."""
    with trio.move_on_after(_IDLE_S):
        while b"\n" not in unread and len(unread) <= _REQUEST_BYTES:
            chunk = await stream.receive_some(_REQUEST_BYTES)
            if not chunk:
                return None
            unread += chunk
    line, newline, rest = bytes(unread).partition(b"\n")
    unread[:] = rest
    return line if newline else None


async def _answer(line: bytes, handle: Handler) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as exc:
        return {"ok": False, "error": f"not JSON: {exc}"}
    if not isinstance(request, dict):
        return {"ok": False, "error": "expected one JSON object per line"}
    try:
        return {"ok": True, "result": await handle(request)}
    except CommandError as exc:
        return {"ok": False, "error": str(exc)}
    except Exception as exc:  # noqa: BLE001 - one caller's boundary: our bug must not stop the rest
        log.exception("command failed", request=request)
        return {"ok": False, "error": f"internal error: {exc!r}"}
