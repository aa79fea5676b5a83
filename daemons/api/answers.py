"""How a handler gets its route and gives its answer, and what every answer has."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping

import structlog
from quart import Quart, Response, g

from protocol.codec import encode

Handler = Callable[..., Awaitable[Response]]


def route(app: Quart, method: str, rule: str, handler: Handler) -> None:
    """Let *handler*, a method of one of our classes, answer *method* at *rule*."""
    name = handler.__qualname__.replace(".", ":")
    app.add_url_rule(rule, endpoint=name, view_func=handler, methods=[method])


def answer(
    document: object, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return *document* as a JSON answer."""
    response = Response(encode(document), status, content_type="application/json")
    response.headers.update(headers or {})
    return response


class RequestIds:
    """Gives each request of *app* an id: in its logs, and in the answer's `X-Request-Id`."""

    # Async although nothing is awaited: Quart runs other hooks in a thread of their own.

    def __init__(self, app: Quart) -> None:
        app.before_request(self.begin)
        app.after_request(self.end)

    async def begin(self) -> None:
        """Make the id before anything can go wrong."""
        g.request_id = secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    async def end(self, response: Response) -> Response:
        """Put it on the answer."""
        response.headers["X-Request-Id"] = g.request_id
        return response
