"""Thousands of WebSocket clients in one process, as small as can be, that check what they are told.

``python -m benchmarks.fleet HOST:PORT PLAIN AFTER`` keeps a socket open for each of so many users:
``plain-N`` say their id and nothing else, ``after-N`` come back with `after`. Each line on stdout
is how it stands, as JSON; when stdin ends, the last line is the whole `Report`.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import random
import resource
import select
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime

#: New connections a second, and how fast those who were cut off come back, at random.
CONNECTS_PER_S = 1500
_TELL_S = 0.2
_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: fleet\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


@dataclass(slots=True)
class Report:
    """What all clients were told.

    Attributes:
        ready: sockets that are ready now. told: events so far, repeated ones not counted.
        repeated: events that came more than once. strangers: events of somebody else.
        disorder: events that came before an older one, or behind a hole. cut: lost connections.
        gaps: `ready` frames that told of a gap. events: by user the ids, in order.
        latencies_ms: from the store's `at` to the client's read.
    """

    ready: int = 0
    told: int = 0
    repeated: int = 0
    strangers: int = 0
    disorder: int = 0
    cut: int = 0
    gaps: int = 0
    events: dict[str, list[int]] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)


class _Client:
    """One user and his socket."""

    __slots__ = ("_buffer", "_open", "_report", "ids", "number", "plain", "ready", "sock", "user")

    def __init__(self, number: int, user: str, report: Report) -> None:
        self.number = number
        self.user = user
        self.plain = user.startswith("plain-")
        self.ids: list[int] = []
        self.sock: socket.socket | None = None
        self.ready = False
        self._report = report
        self._open = False
        self._buffer = b""

    def connect(self, address: tuple[str, int]) -> socket.socket:
        """Begin a connection; the request goes out as soon as it stands."""
        self._open, self._buffer = False, b""
        self.sock = sock = socket.socket()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
        return sock

    def shake_hands(self) -> None:
        """Ask for a WebSocket."""
        self._send(_REQUEST)

    def _say_hello(self) -> None:
        hello = self.user
        if not self.plain:
            hello = json.dumps({"user_id": self.user, "after": self.ids[-1] if self.ids else 0})
        self._send(_frame(_TEXT, hello.encode()))

    def _send(self, data: bytes) -> None:
        """Send *data*; that the other side has gone shows when reading."""
        assert self.sock is not None
        with contextlib.suppress(OSError):
            self.sock.send(data)

    def read(self) -> bool:
        """Take what has come; return False when the connection is over."""
        assert self.sock is not None
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._buffer += data
        if not self._open:
            head, mark, rest = self._buffer.partition(b"\r\n\r\n")
            if mark:
                self._open, self._buffer = head.startswith(b"HTTP/1.1 101"), rest
                self._say_hello()
        return bool(data) and (not self._open or self._take_frames())

    def _take_frames(self) -> bool:
        while len(self._buffer) >= 2:
            size, start = self._buffer[1], 2
            if size == 126:
                if len(self._buffer) < 4:
                    break
                (size,), start = struct.unpack_from("!H", self._buffer, 2), 4
            if len(self._buffer) < start + size:
                break
            first, payload = self._buffer[0], self._buffer[start : start + size]
            self._buffer = self._buffer[start + size :]
            if not self._take(first, payload):
                return False
        return True

    def _take(self, first: int, payload: bytes) -> bool:
        if first == _TEXT:
            self._note(json.loads(payload))
        elif first in (_PING, _CLOSE):
            self._send(_frame(_PONG if first == _PING else _CLOSE, payload))
        return first != _CLOSE

    def _note(self, message: dict[str, object]) -> None:
        report = self._report
        report.strangers += message["user_id"] != self.user
        if message["type"] == "ready":
            self.ready = True
            report.ready += 1
            report.gaps += not message["recovered"]
            return
        id_, prev = message["id"], message["prev"]
        assert isinstance(id_, int)
        last = self.ids[-1] if self.ids else 0
        if id_ <= last:
            report.repeated += 1
            report.disorder += id_ not in self.ids
            return
        report.disorder += prev != last
        report.told += 1
        report.latencies_ms.append(
            (time.time() - datetime.fromisoformat(str(message["at"])).timestamp()) * 1e3
        )
        self.ids.append(id_)


def _frame(first: int, payload: bytes) -> bytes:
    """Return a client's frame with a mask of zeros; payloads here are short."""
    return bytes((first, 0x80 | len(payload))) + bytes(4) + payload


class Fleet:
    """All clients of this process."""

    def __init__(self, address: tuple[str, int], plain: int, after: int) -> None:
        self._address = address
        self._poll = select.epoll()
        self._by_fd: dict[int, _Client] = {}
        self.report = Report()
        users = [f"plain-{n}" for n in range(plain)] + [f"after-{n}" for n in range(after)]
        self._clients = [_Client(n, user, self.report) for n, user in enumerate(users)]
        self._return_s = 0.2 + len(users) / CONNECTS_PER_S
        now = time.monotonic()
        # Times are all different, so that clients are never compared.
        self._due = [(now + n / CONNECTS_PER_S, n) for n in range(len(users))]

    def run(self) -> None:
        """Keep everyone connected, tell how it stands, until stdin ends."""
        self._poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        tell_at = 0.0
        while True:
            self._connect_due()
            for fd, events in self._poll.poll(0.02):
                if fd == sys.stdin.fileno():
                    return
                self._serve(fd, events)
            if time.monotonic() >= tell_at:
                tell_at = time.monotonic() + _TELL_S
                print(
                    json.dumps({"ready": self.report.ready, "told": self.report.told}), flush=True
                )

    def finish(self) -> None:
        """Print the whole report."""
        self.report.events = {client.user: client.ids for client in self._clients}
        print(json.dumps(asdict(self.report)), flush=True)

    def _connect_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            number = heapq.heappop(self._due)[1]
            client = self._clients[number]
            fd = client.connect(self._address).fileno()
            self._by_fd[fd] = client
            self._poll.register(fd, select.EPOLLOUT)

    def _serve(self, fd: int, events: int) -> None:
        client = self._by_fd[fd]
        lives = not events & (select.EPOLLERR | select.EPOLLHUP)
        if lives and events & select.EPOLLOUT:
            client.shake_hands()
            self._poll.modify(fd, select.EPOLLIN)
        elif lives or events & select.EPOLLIN:
            lives = client.read() and lives
        if not lives:
            self._lose(fd, client)

    def _lose(self, fd: int, client: _Client) -> None:
        self._poll.unregister(fd)
        del self._by_fd[fd]
        assert client.sock is not None
        client.sock.close()
        self.report.ready -= client.ready
        self.report.cut += client.ready
        client.ready = False
        due = time.monotonic() + random.uniform(0.1, self._return_s)
        heapq.heappush(self._due, (due, client.number))


def main() -> None:
    """Run a fleet as the arguments say."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, _, port = sys.argv[1].rpartition(":")
    fleet = Fleet((host, int(port)), int(sys.argv[2]), int(sys.argv[3]))
    fleet.run()
    fleet.finish()


if __name__ == "__main__":
    main()
