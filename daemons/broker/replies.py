"""Server errors as exceptions: which are the store's state, and which our own mistake."""

from __future__ import annotations

from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as AccessError
from redis.exceptions import ResponseError

from daemons.broker.errors import StoreUnavailable

#: Errors that say nothing about the command and everything about the moment.
_STATES = (
    "BUSY ",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
)


def error_of(reply: Exception) -> Exception:
    """Return the exception that a server's error *reply* becomes at the caller.

    A `StoreUnavailable` for a state that passes by itself, or that only the operator can mend (too
    many clients, wrong password); else the `ResponseError` that redis-py has for it.
    """
    message = str(reply)
    if message.startswith(_STATES):
        return StoreUnavailable(f"the store said: {message}")
    error = BaseParser.parse_error(message)  # type: ignore[no-untyped-call]
    if isinstance(error, AccessError):
        return StoreUnavailable(f"the store said: {message}")
    return error if isinstance(error, ResponseError) else ResponseError(message)
