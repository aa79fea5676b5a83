"""A route as data: what it takes, what it answers, who may call it.

One table serves three: `mount` reads a request by it, `daemons.api.openapi` describes the API from
it, and the index lists it. So the description cannot tell of other types than those that check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from quart import Quart, Response, request

from daemons.api.auth import Gate
from daemons.api.body import read_json
from daemons.api.query import read_query
from daemons.tokens import Scope
from protocol.codec import convert

Handler = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one status of an answer is: *type* as JSON, or text of *media*."""

    description: str
    type: Any = None
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route.

    *query*, *headers* and *body* are structs; the handler gets what they made of the request under
    these names, and the path's parts under theirs. *scope* None: any token will do. *errors* are
    the statuses of problem documents beyond those that every route may have.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Answer]
    scope: Scope | None = None
    query: type[msgspec.Struct] | None = None
    headers: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    errors: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in metrics and in the description: the method's own name."""
        return self.handler.__qualname__.replace(".", ":")


def mount(app: Quart, gate: Gate, routes: list[Route]) -> None:
    """Let *app* answer *routes*, each after *gate* has let the caller in."""
    for route in routes:
        app.add_url_rule(
            route.path, endpoint=route.name, view_func=_view(gate, route), methods=[route.method]
        )


def _view(gate: Gate, route: Route) -> Handler:
    async def view(**parts: Any) -> Response:
        gate.check(route.path, route.scope)
        if route.query is not None:
            parts["query"] = read_query(route.query)
        if route.headers is not None:
            parts["headers"] = _read_headers(route.headers)
        if route.body is not None:
            parts["body"] = await read_json(route.body)
        return await route.handler(**parts)

    return view


def _read_headers(type_: type[msgspec.Struct]) -> msgspec.Struct:
    named = [each.encode_name for each in msgspec.structs.fields(type_)]
    return convert(
        {name: request.headers[name] for name in named if name in request.headers}, type_
    )
