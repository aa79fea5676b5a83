"""RFC 6455 against a running gateway: the cases of `rfc6455.py`, and the opening handshake."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import running_store
from tests.daemons.api.conftest import run_daemon
from tests.daemons.gateway.rfc6455 import (
    CASES,
    CLOSE,
    PING,
    PONG,
    READY,
    TEXT,
    Case,
    closing,
    frame,
    hello,
)

PATIENCE_S = 120.0


class Peer:
    """A bare socket that speaks WebSocket as badly as it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._data = b""

    def send(self, data: bytes) -> None:
        """Send *data*; a server that has closed already shows when reading."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(data)

    def read_head(self) -> tuple[str, dict[str, str]]:
        """Return the status line of an HTTP answer and its header fields."""
        while b"\r\n\r\n" not in self._data:
            data = self.sock.recv(65536)
            assert data, self._data
            self._data += data
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        fields = (line.partition(":") for line in lines)
        return status, {name.lower(): value.strip() for name, _, value in fields}

    def read_frame(self) -> tuple[int, bytes] | None:
        """Return first byte and payload of the next frame; None at the end."""
        head = self._take(2)
        if head is None:
            return None
        assert not head[1] & 0x80, "a server masks nothing"
        size = head[1]
        if size >= 126:
            extended = self._take(2 if size == 126 else 8)
            assert extended is not None
            size = int.from_bytes(extended)
        payload = self._take(size)
        assert payload is not None
        return head[0], payload

    def _take(self, count: int) -> bytes | None:
        while len(self._data) < count:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._data += data
        taken, self._data = self._data[:count], self._data[count:]
        return taken


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Give the address of a gateway of its own, as users run it."""
    with running_store() as store:
        config: Path = store.folder / "supervisor.toml"
        config.write_text(f'[store]\nurl = "{store.url}"\n[gateway]\nlisten = "127.0.0.1:0"\n')
        with run_daemon("gateway", config, store.folder / "g.sock") as (_, listening):
            host, _, port = listening.rpartition(":")
            yield host, int(port)


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[Peer]:
    """Give a connection to the gateway."""
    with socket.create_connection(address, PATIENCE_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Peer(sock)


KEY = base64.b64encode(bytes(range(16))).decode()
REQUEST = {
    "Host": "gateway",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


def request(first: str = "GET / HTTP/1.1", **fields: str | None) -> bytes:
    """Return a handshake, with other *fields*; None leaves one out."""
    changed = {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in (REQUEST | changed).items() if value is not None]
    return "\r\n".join([first, *lines, "", ""]).encode()


@pytest.mark.parametrize("case", CASES, ids=[each.name for each in CASES])
def test_gateway_keeps_to_the_protocol(address: tuple[str, int], case: Case) -> None:
    """What is sent is answered as RFC 6455 wants it, and the connection ends as it should."""
    with connected(address) as peer:
        peer.send(request())
        peer.read_head()
        wanted = iter(case.wanted[:-1])
        for piece in case.pieces:
            if piece is READY:
                check_answer(peer, next(wanted))
            else:
                peer.send(piece)
        for each in wanted:
            check_answer(peer, each)
        if case.wanted[-1] == 1000 and not case.pieces[-1].startswith(b"\x88"):
            peer.send(closing(1000))
        assert read_to_close(peer) == case.wanted[-1]


def check_answer(peer: Peer, wanted: str | bytes | int) -> None:
    """Check that the next frame is the one that is *wanted*."""
    got = read_on(peer)
    assert got is not None, "the server has ended"
    if wanted == "ready":
        assert got[0] == TEXT
        assert json.loads(got[1])["user_id"] == "u1"
    else:
        assert got == (PONG, wanted)


def read_on(peer: Peer) -> tuple[int, bytes] | None:
    """Return the next frame that is no ping."""
    while (got := peer.read_frame()) is not None and got[0] == PING:
        pass
    return got


def read_to_close(peer: Peer) -> int | None:
    """Return the code of the server's close frame, behind which it must send nothing more."""
    got = read_on(peer)
    if got is None:
        return None
    assert got[0] == CLOSE, got
    peer.send(frame(CLOSE, got[1][:2]))
    assert peer.read_frame() is None, "something came behind the close frame"
    got[1][2:].decode()
    return int.from_bytes(got[1][:2]) if got[1] else 1005


@pytest.mark.parametrize(
    "bad",
    [
        {"Upgrade": None},
        {"Upgrade": "h2c"},
        {"Connection": None},
        {"Connection": "close"},
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Key": "short"},
        {"Sec_WebSocket_Version": None},
        {"Sec_WebSocket_Version": "8"},
        {"Host": None},
        {"first": "POST / HTTP/1.1"},
        {"first": "GET / HTTP/1.0"},
        {"first": "rubbish"},
    ],
    ids=str,
)
def test_gateway_refuses_a_bad_handshake(
    address: tuple[str, int], bad: dict[str, str | None]
) -> None:
    """What is no handshake of RFC 6455 is an HTTP error, and then the connection ends."""
    with connected(address) as peer:
        peer.send(request(**bad))  # type: ignore[arg-type]
        status, fields = peer.read_head()
        assert status.startswith("HTTP/1.1 4")
        if bad == {"Sec_WebSocket_Version": "8"}:
            assert (status[9:12], fields["sec-websocket-version"]) == ("426", "13")


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"Connection": "keep-alive, Upgrade"},
        {"Upgrade": "WebSocket"},
        {"Sec_WebSocket_Protocol": "chat, gavel"},
        {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
        {"Origin": "https://anywhere.example"},
        {"first": "GET /some/path?with=query HTTP/1.1"},
    ],
    ids=str,
)
def test_gateway_answers_a_good_handshake(address: tuple[str, int], good: dict[str, str]) -> None:
    """The key is proved to be understood; neither extension nor subprotocol is agreed upon."""
    with connected(address) as peer:
        peer.send(request(**good))  # type: ignore[arg-type]
        status, fields = peer.read_head()
        proof = hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()

        assert status.startswith("HTTP/1.1 101")
        assert fields["sec-websocket-accept"] == base64.b64encode(proof).decode()
        assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & set(fields)
        peer.send(hello())
        assert peer.read_frame() is not None
