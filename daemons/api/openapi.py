"""OpenAPI 3.1 of the API, made of its routes: the types that check are the types that are shown."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from daemons.api.documents import ProblemDetails
from daemons.api.routes import Answer, Route

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PART = re.compile(r"<(\w+)>")
#: What every route may answer: no such method, a bug of ours.
_ALWAYS = (405, 500)
_WITH_TOKENS = (401, 403)
_DESCRIPTION = """\
Submit programs, look at what became of them, hear of it while it happens. Times are seconds (`_s`),
sizes bytes (`_bytes`), timestamps RFC 3339 in UTC. Errors are problem details (RFC 9457)."""


def describe(routes: list[Route], guards: Callable[[str], bool]) -> Json:
    """Return the OpenAPI document of *routes*; *guards* tells whose calls need a token."""
    types = [ProblemDetails, *(each for route in routes for each in _types(route))]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    shown = {id(type_): schema for type_, schema in zip(types, schemas, strict=True)}
    paths: Json = {}
    for route in routes:
        path = paths.setdefault(_PART.sub(r"{\1}", route.path), {})
        path[route.method.lower()] = _operation(route, shown, guarded=guards(route.path))
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Gavel",
            "version": importlib.metadata.version("gavel-judge"),
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {"schemas": components},
    }
    if any(guards(route.path) for route in routes):
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    # Their ends are written for Python's `$`, which a newline may follow; JSON Schema's can't.
    text: str = json.dumps(document).replace(r"$(?!\\n)", "$")
    described: Json = json.loads(text)
    return described


def _types(route: Route) -> list[Any]:
    answers = [answer.type for answer in route.answers.values() if answer.type is not None]
    arms = [arm for each in answers for arm in getattr(each, "__args__", (each,))]
    return arms if route.body is None else [route.body, *arms]


def _operation(route: Route, shown: dict[int, Json], *, guarded: bool) -> Json:
    operation: Json = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": [
            *_path_parts(route),
            *_named(route.query, "query"),
            *_named(route.headers, "header"),
        ],
        "responses": {str(status): _answer(each, shown) for status, each in route.answers.items()},
    }
    if guarded:
        operation["security"] = [{"token": []}]
    if guarded and route.scope is not None:
        operation["description"] = f"Needs a token with the scope `{route.scope}`."
    if route.body is not None:
        media = {"application/json": {"schema": shown[id(route.body)]}}
        operation["requestBody"] = {"required": True, "content": media}
    for status in sorted({*route.errors, *_ALWAYS, *(_WITH_TOKENS if guarded else ())}):
        operation["responses"].setdefault(str(status), _error(status, shown))
    return operation


def _path_parts(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(route.path)
    ]


def _named(type_: type[msgspec.Struct] | None, place: str) -> list[Json]:
    """Return the parameters that the members of *type_* are."""
    if type_ is None:
        return []
    (_,), components = msgspec.json.schema_components([type_], ref_template=_REF)
    schema = components[type_.__name__]
    described = {"description": schema.get("description", "")}
    return [
        {"name": name, "in": place, "required": name in schema.get("required", ()),
         "schema": _present(member)} | described
        for name, member in schema["properties"].items()
    ]  # fmt: skip


def _present(schema: Json) -> Json:
    """Return *schema* without null, which no query and no header can say."""
    rest = {name: value for name, value in schema.items() if value is not None}
    arms = [arm for arm in rest.pop("anyOf", []) if arm != {"type": "null"}]
    return {**rest, **arms[0]} if arms else rest


def _answer(answer: Answer, shown: dict[int, Json]) -> Json:
    document: Json = {"description": answer.description}
    if answer.type is not None:
        arms = [shown[id(arm)] for arm in getattr(answer.type, "__args__", (answer.type,))]
        schema = arms[0] if len(arms) == 1 else {"anyOf": arms}
        document["content"] = {answer.media: {"schema": schema}}
    elif answer.media != "application/json":
        document["content"] = {answer.media: {"schema": {"type": "string"}}}
    if answer.headers:
        document["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return document


def _error(status: int, shown: dict[int, Json]) -> Json:
    media = {"application/problem+json": {"schema": shown[id(ProblemDetails)]}}
    document: Json = {"description": HTTPStatus(status).phrase, "content": media}
    if status in (429, 503):
        seconds = {
            "description": "Seconds until it is worth another try.",
            "schema": {"type": "integer"},
        }
        document["headers"] = {"Retry-After": seconds}
    return document
