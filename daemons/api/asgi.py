"""Where Quart-Trio meets Hypercorn: two seams that neither of them has sewn up.

**The end of an answer.** With the last piece of an answer Hypercorn tells the application
"disconnected" and goes on to prepare the connection for the next request, in the same call.
Quart-Trio takes the message as a client that has gone and cancels the request, and with it that
call: the idle time-out was never started again, so a client that kept its connection open kept it
for ever, a connection that had to be closed was not, and stopping took the whole grace period.

**The request's target.** Quart looks at the first character of a path that may be empty.
"""

from __future__ import annotations

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection

from daemons.api.body import ApiRequest


class _HttpConnection(TrioASGIHTTPConnection):
    """One request's way through the application."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        path = self.scope["path"]
        # `*`, nothing, or no path at all: none of it is a place here. (A whole URL is.)
        if not path.startswith("/") and "://" not in path:
            self.scope["path"] = f"/{path}"

        async def send_whole(message: ASGISendEvent) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            with trio.CancelScope(shield=last):
                await send(message)

        await super().__call__(receive, send_whole)


class ApiApplication(QuartTrio):
    """The application class of the API."""

    asgi_http_class = _HttpConnection
    request_class = ApiRequest
