"""Who may come in: pages of which origin, holders of which token; and the script for browsers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from websockets.exceptions import InvalidStatus

from daemons.gateway import doorway
from daemons.tokens import Scope, TokenFile, Tokens

SCRIPT = Path(doorway.__file__).parent / "static" / "gateway.js"


async def ask(running: Any, *pieces: bytes) -> bytes:
    """Send a request in *pieces* and return the whole answer."""
    async with running.raw_peer(handshake=False) as peer:
        for piece in pieces:
            await peer.stream.send_all(piece)
        answer = b""
        with trio.fail_after(120):
            while data := await peer.stream.receive_some():
                answer += data
        return answer


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /gateway.js HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET /gateway.js?v=1 HTTP/1.1\r\n", b"Host: x\r\n\r\n"],
        [b"GET /gate", b"way.js HTTP/1.0\r\n\r\n"],
    ],
    ids=["whole", "query", "pieces"],
)
async def test_gateway_gives_browsers_their_script(open_gateway: Any, pieces: list[bytes]) -> None:
    """`GET /gateway.js` is answered with the file, for pages of any origin."""
    async with open_gateway() as running:
        head, _, body = (await ask(running, *pieces)).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript")
        assert b"Access-Control-Allow-Origin: *" in head
        assert body == SCRIPT.read_bytes()


@pytest.mark.parametrize("path", [b"/", b"/gateway.jsx", b"/static/gateway.js", b"/../config.py"])
async def test_gateway_gives_nothing_else(open_gateway: Any, path: bytes) -> None:
    """Any other plain request is an HTTP error, and nothing of a WebSocket comes behind it."""
    async with open_gateway() as running:
        answer = await ask(running, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)

        assert answer.startswith(b"HTTP/1.1 4")
        assert b"\x88" not in answer


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        (None, True),
        ("https://judge.example", True),
        ("https://JUDGE.example", True),
        ("http://judge.example", False),
        ("https://judge.example.evil.example", False),
        ("null", False),
    ],
)
async def test_gateway_checks_where_a_page_comes_from(
    open_gateway: Any, origin: str | None, let_in: bool
) -> None:
    """With `origins` a page of another one is refused with 403; programs send no origin at all."""
    async with open_gateway(origins=("https://judge.example/",)) as running:
        if let_in:
            async with running.ready_peer(origin=origin):
                pass
        else:
            with pytest.raises(InvalidStatus) as caught:
                async with running.peer(origin=origin):
                    pytest.fail("it was let in")
            assert caught.value.response.status_code == 403


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    """Give a file of tokens with one token in it that nobody knows."""
    file = TokenFile(tmp_path / "tokens")
    file.add((Scope.READ,))
    return file


def hello(token: str | None, user_id: str = "u1") -> str:
    """Return a first message."""
    return json.dumps({"user_id": user_id} | ({} if token is None else {"token": token}))


@pytest.mark.parametrize(
    ("scopes", "user_id"),
    [((Scope.READ,), None), ((Scope.READ,), "u1"), ((Scope.ADMIN,), None)],
    ids=["all", "own", "admin"],
)
async def test_gateway_lets_in_who_has_a_token(
    open_gateway: Any, tokens: TokenFile, scopes: tuple[Scope, ...], user_id: str | None
) -> None:
    """A token to read this user's events opens the door."""
    text, _ = tokens.add(scopes, user_id=user_id)
    async with (
        open_gateway(tokens=Tokens(tokens)) as running,
        running.peer(hello(text)) as peer,
    ):
        assert (await peer.receive())["type"] == "ready"


@pytest.mark.parametrize("case", ["none", "bare", "unknown", "stranger", "scope"])
async def test_gateway_refuses_who_has_none(
    open_gateway: Any, tokens: TokenFile, case: str
) -> None:
    """No token, a wrong one, one of another user or for other things: 4501."""
    stranger, _ = tokens.add((Scope.READ,), user_id="u2")
    submitter, _ = tokens.add((Scope.SUBMIT,))
    said = {
        "none": hello(None),
        "bare": "u1",
        "unknown": hello(stranger[:-1] + ("A" if stranger[-1] != "A" else "B")),
        "stranger": hello(stranger),
        "scope": hello(submitter),
    }[case]
    async with open_gateway(tokens=Tokens(tokens)) as running, running.peer(said) as peer:
        assert await peer.close_code_or_message() == 4501
    assert not running.events._channels


async def test_gateway_puts_out_whose_token_was_revoked(
    open_gateway: Any, tokens: TokenFile
) -> None:
    """An open socket outlives its token no longer than `ping_s`."""
    text, token = tokens.add((Scope.READ,))
    async with (
        open_gateway(tokens=Tokens(tokens), ping_s=0.05) as running,
        running.peer(hello(text)) as peer,
    ):
        assert (await peer.receive())["type"] == "ready"
        tokens.revoke(token.id)
        assert await peer.close_code() == 4501
