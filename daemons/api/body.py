"""Read a request's body: capped while it arrives, JSON only, each member once.

The order of the checks is the order in which a client can act on them: size (413), time (408), type
(415), syntax (400), shape (422).
"""

from __future__ import annotations

from typing import TypeVar

import trio
from quart import request
from quart_trio.wrappers.request import TrioBody, TrioRequest

from daemons.api.errors import Refusal
from protocol.codec import decode

T = TypeVar("T")

#: How much of a body that is too large is read and thrown away, so that its sender gets to read the
#: answer instead of a reset connection. What declares itself larger than that is answered at once.
_LINGER_BYTES = 8 << 20


class CappedBody(TrioBody):
    """A body that keeps at most its cap in memory, however much is sent.

    Quart 0.22 hands pieces to `append`, 0.23 to `put`, and neither counts before it keeps: so this
    keeps its own bytes and uses nothing of theirs.
    """

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(None, None)
        self._cap = max_content_length or 0
        self._kept = bytearray()
        self._whole = trio.Event()
        self._received_bytes = expected = expected_content_length or 0
        self._counts = expected == 0
        if expected > self._cap + _LINGER_BYTES:
            self._whole.set()

    @property
    def too_large(self) -> bool:
        """Whether more was declared or sent than the cap."""
        return self._received_bytes > self._cap

    def append(self, data: bytes) -> None:
        """Take one piece from the wire; drop everything once the cap is passed."""
        if self._counts:
            self._received_bytes += len(data)
        if not self.too_large:
            self._kept += data
            return
        self._kept.clear()
        if self._received_bytes > self._cap + _LINGER_BYTES:
            self._whole.set()

    async def put(self, data: bytes) -> None:
        """Take one piece from the wire, as `append` does."""
        self.append(data)

    def set_complete(self) -> None:
        """Let `read` return: nothing more comes."""
        self._whole.set()

    async def read(self) -> bytes:
        """Wait for the end of the body and return it; what is `too_large` is returned empty."""
        await self._whole.wait()
        return bytes(self._kept)


class ApiRequest(TrioRequest):
    """A request whose body is capped by MAX_CONTENT_LENGTH."""

    body_class = CappedBody


async def read_json(type_: type[T]) -> T:
    """Return the body of the current request as *type_*.

    Raises:
        Refusal: too large, too slow, or not declared as JSON. RemoteProtocolError: not *type_*.
    """
    data = await _read()
    _check_declared_type()
    return decode(data, type_)


async def _read() -> bytes:
    body = request.body
    assert isinstance(body, CappedBody)
    data = b""
    with trio.move_on_after(request.body_timeout or 0) as scope:
        data = await body.read()
    if body.too_large:
        cap = request.max_content_length
        raise Refusal(413, "body-too-large", f"the body may have at most {cap} bytes")
    if scope.cancelled_caught:
        detail = f"the body was not complete within {request.body_timeout:g} s"
        raise Refusal(408, "body-timeout", detail, headers={"Connection": "close"})
    return data


def _check_declared_type() -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        detail = f"Content-Encoding {encoding!r} is not taken; send the body as it is"
        raise Refusal(415, "unsupported-media-type", detail)
    if request.mimetype != "application/json":
        said = f"not {request.mimetype!r}" if request.mimetype else "and it must say so"
        raise Refusal(
            415,
            "unsupported-media-type",
            f"the body must be application/json, {said}; with curl: "
            "-H 'Content-Type: application/json'",
            headers={"Accept": "application/json"},
        )
