"""How an answer travels: packed when it is long, readable from other origins, its id on it."""

from __future__ import annotations

import gzip
import secrets
import time
from collections.abc import Sequence

import structlog
import trio
from quart import Quart, Response, g, request

from daemons.metrics import HTTP_REQUESTS, HTTP_SECONDS

#: Below, a header and a packer's table cost more than they save.
_LONG_BYTES = 4096
#: Above, packing holds up the others for more than some milliseconds: a thread does it.
_LARGE_BYTES = 256 << 10
#: The usual balance: 6 takes a third longer for 2 % less.
_LEVEL = 5
_PREFLIGHT_S = 600
_EXPOSED = "ETag, Location, Retry-After, X-Request-Id"
_ALLOWED = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"


class Delivery:
    """What *app* does with every request before, and with every answer after its handler.

    *origins* are those whose pages may read answers, `*` for all; *stopping* is set when this
    process takes no more, and clients had better open another connection.
    """

    # Async although little is awaited: Quart runs other hooks in a thread of their own.

    def __init__(self, app: Quart, origins: Sequence[str], stopping: trio.Event) -> None:
        self._origins = frozenset(origins)
        self._stopping = stopping
        app.before_request(self.begin)
        app.after_request(self.end)

    async def begin(self) -> None:
        """Give the request an id, for its logs and its answer, before anything can go wrong."""
        g.begun = time.perf_counter()
        g.request_id = secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    async def end(self, response: Response) -> Response:
        """Make the answer ready to go."""
        response.headers["X-Request-Id"] = g.request_id
        if self._stopping.is_set():
            response.headers["Connection"] = "close"
        self._admit_origin(response)
        await _pack(response)
        _count(response)
        return response

    def _admit_origin(self, response: Response) -> None:
        if not self._origins:
            return
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is None or not {origin, "*"} & self._origins:
            return
        # Never with credentials: tokens travel in a header that a page sets itself.
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
            response.headers["Access-Control-Allow-Headers"] = _ALLOWED
            response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)


def _count(response: Response) -> None:
    route = request.url_rule.rule if request.url_rule else "(none)"
    method = request.method if request.url_rule else "(any)"
    HTTP_REQUESTS.labels(method, route, response.status_code).inc()
    HTTP_SECONDS.labels(method, route).observe(time.perf_counter() - g.begun)


async def _pack(response: Response) -> None:
    data = getattr(response.response, "data", None)
    if data is None or len(data) < _LONG_BYTES:
        return
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") <= 0:
        return
    if len(data) < _LARGE_BYTES:
        packed = gzip.compress(data, _LEVEL)
    else:
        packed = await trio.to_thread.run_sync(gzip.compress, data, _LEVEL)
    response.set_data(packed)
    response.headers["Content-Encoding"] = "gzip"
