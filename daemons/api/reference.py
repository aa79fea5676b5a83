"""The routes that tell of the others: the index, the OpenAPI document, the page to read it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
from quart import Response

from daemons.api.answers import answer
from daemons.api.openapi import describe
from daemons.api.routes import Answer, Route

_PAGE = files("daemons.api").joinpath("docs.html").read_text()
#: The page brings all that it needs; nothing that a description could hold may fetch more.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


class IndexPage(msgspec.Struct, frozen=True, kw_only=True):
    """What there is."""

    name: str
    version: str
    routes: dict[str, str]


class Reference:
    """Handlers of `/`, `/openapi.json` and `/docs`, which tell of *others* and of themselves.

    *guards* tells of a route's path whether its calls need a token.
    """

    def __init__(self, others: list[Route], guards: Callable[[str], bool]) -> None:
        routes = [*others, *self.routes()]
        self._document: dict[str, Any] = describe(routes, guards)
        self._index = IndexPage(
            name="Gavel",
            version=importlib.metadata.version("gavel-judge"),
            routes={
                f"{route.method} {route.path.replace('<', '').replace('>', '')}": route.summary
                for route in routes
            },
        )

    def routes(self) -> list[Route]:
        """Return the routes."""
        index = Answer(description="All routes.", type=IndexPage)
        document = Answer(description="The description.", type=dict[str, Any])
        page = Answer(description="The page.", media="text/html")
        return [
            Route(method="GET", path="/", handler=self.index,
                  summary="What there is.", answers={200: index}),
            Route(method="GET", path="/openapi.json", handler=self.openapi,
                  summary="This API as OpenAPI 3.1.", answers={200: document}),
            Route(method="GET", path="/docs", handler=self.docs,
                  summary="A page to read that; it needs no network.", answers={200: page}),
        ]  # fmt: skip

    async def index(self) -> Response:
        """Answer with a list of what there is."""
        return answer(self._index)

    async def openapi(self) -> Response:
        """Answer with the OpenAPI document."""
        return answer(self._document)

    async def docs(self) -> Response:
        """Answer with the page."""
        headers = {"Content-Security-Policy": _POLICY}
        return Response(_PAGE, content_type="text/html; charset=utf-8", headers=headers)
