"""How a handler gives its answer."""

from __future__ import annotations

from collections.abc import Mapping

from quart import Response

from protocol.codec import encode


def answer(
    document: object, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return *document* as a JSON answer."""
    response = Response(encode(document), status, content_type="application/json")
    response.headers.update(headers or {})
    return response
