"""Every error answer of the API: one shape, `application/problem+json` (RFC 9457).

A handler raises `Refusal`, or lets an exception of the rooms below pass; `refusal_of` is the one
table that says what each of them becomes. Whatever it does not know is a bug of ours: 500, with the
request's id, and in the log with its traceback.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from quart import Quart, Response, g, request
from werkzeug.exceptions import HTTPException

from daemons.broker.errors import (
    IdempotencyMismatch,
    QueueFull,
    StoreUnavailable,
    TooFast,
    TooManyOpen,
)
from protocol.codec import encode
from protocol.errors import FieldError, InvalidInput, MalformedInput

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"

#: The store comes back in about a second when its supervisor starts it anew.
_STORE_RETRY_S = 1
#: A full queue and a full user both drain at the speed of judging: some seconds make a difference.
_QUEUE_RETRY_S = 5


class Refusal(Exception):
    """A request is answered with an error on purpose.

    Attributes:
        status: the HTTP status. kind: the last part of the problem's `type`, stable, for programs.
        detail: for people: what is wrong and what to do. fields: the members at fault.
        headers: added to the answer. members: further members of the document.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.fields = tuple(fields)
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def document(self) -> dict[str, object]:
        """Return the problem document."""
        document: dict[str, object] = {
            "type": f"urn:gavel:error:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.fields:
            document["errors"] = [
                {"field": field, "message": message} for field, message in self.fields
            ]
        return document | self.members

    def response(self) -> Response:
        """Return the answer."""
        answer = Response(encode(self.document()), self.status, content_type=PROBLEM_TYPE)
        answer.headers.update(self.headers)
        return answer


def invalid(field: str, message: str) -> Refusal:
    """Return the 422 for one wrong *field*."""
    return Refusal(422, "invalid-input", message, fields=[FieldError(field, message)])


def not_found(detail: str) -> Refusal:
    """Return the 404 for a thing that is named rightly but is not there."""
    return Refusal(404, "not-found", detail)


def refusal_of(exc: Exception) -> Refusal | None:
    """Return what *exc*, raised by a room below, means to the client; None if nothing is known."""
    match exc:
        case Refusal():
            return exc
        case MalformedInput():
            return Refusal(400, "malformed-json", f"the body is not JSON: {exc}")
        case InvalidInput():
            return Refusal(422, "invalid-input", str(exc), fields=exc.fields)
        case StoreUnavailable():
            return _retry_later(
                503, "store-unavailable", "the store cannot be reached", _STORE_RETRY_S
            )
        case QueueFull():
            return _retry_later(503, "queue-full", "the queue is full", _QUEUE_RETRY_S)
        case TooManyOpen():
            detail = "this user has too many submissions that are not judged yet"
            return _retry_later(429, "too-many-open", detail, _QUEUE_RETRY_S)
        case TooFast():
            return _retry_later(429, "too-fast", str(exc), math.ceil(exc.retry_s))
        case IdempotencyMismatch():
            detail = "this Idempotency-Key was used before, with another request"
            return Refusal(
                422, "idempotency-mismatch", detail, fields=[FieldError("Idempotency-Key", detail)]
            )
        case HTTPException():
            return _of_http(exc)
        case _:
            return None


def _retry_later(status: int, kind: str, cause: str, retry_s: int) -> Refusal:
    detail = f"{cause}; try again in {retry_s} s"
    return Refusal(status, kind, detail, headers={"Retry-After": str(retry_s)})


def _of_http(exc: HTTPException) -> Refusal:
    """Translate what Quart's own routing and parsing raise."""
    status = exc.code or 500
    kind = HTTPStatus(status).phrase.lower().replace(" ", "-")
    allow = ", ".join(sorted(getattr(exc, "valid_methods", None) or ()))
    if status == HTTPStatus.METHOD_NOT_ALLOWED and allow:
        detail = f"{request.method} is not possible here; allowed: {allow}"
        return Refusal(status, kind, detail, headers={"Allow": allow})
    if status == HTTPStatus.NOT_FOUND:
        return Refusal(status, kind, f"nothing is at {request.path}; GET / lists what there is")
    return Refusal(status, kind, exc.description or HTTPStatus(status).phrase)


class ErrorAnswers:
    """Makes *app* answer every error in the one shape."""

    def __init__(self, app: Quart) -> None:
        app.register_error_handler(Exception, self.answer)

    async def answer(self, exc: Exception) -> Response:
        """Turn whatever a handler raised into an answer."""
        refusal = refusal_of(exc)
        if refusal is None:
            log.error("request failed", path=request.path, exc_info=exc)
            refusal = Refusal(
                500,
                "internal",
                f"a bug on our side; the log tells more under the request id {g.request_id}",
                members={"request_id": g.request_id},
            )
        return refusal.response()
