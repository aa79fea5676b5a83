"""Talks to a running supervisor; blocking and small, since a command line waits for it."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from pathlib import Path
from typing import Any, Self

from daemons.supervisor.unixpath import short_path


class NotRunning(Exception):
    """No supervisor answers on the control socket."""


class Refused(Exception):
    """The supervisor answered that the command can't be carried out."""


class Client:
    """A connection to the supervisor whose control socket is *path*.

    Raises:
        NotRunning: nobody listens there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with short_path(path) as address:
                self._socket.connect(address)
        except OSError as exc:
            self._socket.close()
            raise NotRunning(
                f"no supervisor answers on {path} ({exc.strerror}); start one with `gavel up`"
            ) from exc

    def __enter__(self) -> Self:
        """Return itself; the connection is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a command and wait for its result.

        Raises:
            NotRunning: the supervisor ended before it answered.
            Refused: it can't be carried out.
        """
        try:
            self._socket.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            with self._socket.makefile("rb") as answers:
                line = answers.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise NotRunning(f"the supervisor on {self._path} ended before it answered")
        answer = json.loads(line)
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer["result"]

    def stop(self) -> None:
        """Ask everything to stop and wait until the supervisor's process has ended."""
        pid: int = struct.unpack(
            "3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )[0]
        pidfd = os.pidfd_open(pid)
        try:
            self.ask("stop")
            select.select([pidfd], [], [])
        finally:
            os.close(pidfd)
