"""The query string of a request as a typed struct."""

from __future__ import annotations

from typing import TypeVar

from quart import request

from daemons.api.errors import invalid
from protocol.codec import convert

T = TypeVar("T")


def read_query(type_: type[T]) -> T:
    """Return the query of the current request as *type_*.

    Raises:
        Refusal: a name stands twice. InvalidInput: a value is missing, unknown or wrong.
    """
    for name, values in request.args.lists():
        if len(values) > 1:
            raise invalid(name[:64], "is given twice")
    return convert(request.args.to_dict(), type_)
