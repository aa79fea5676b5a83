"""Bytes from outside to messages and back, with caps and errors that name the field.

Nothing else in the system parses what a stranger wrote.
"""

from __future__ import annotations

import base64
import re
from typing import TypeVar

import msgspec

from protocol.errors import FieldError, InvalidInput, MalformedInput
from protocol.messages import Binary, Text

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_PATH = re.compile(r" - at `\$(?P<path>.*)`$")
_FIELD_IN_TEXT = re.compile(r"field `(?P<name>[^`]+)`")
_LEADING_NAME = re.compile(r"^`(?P<name>\w+)`")


def encode(message: object) -> bytes:
    """Return *message* as compact JSON."""
    return _encoder.encode(message)


def encode_members(message: object) -> bytes:
    """Return the members of *message* as JSON without the braces, to be put into a larger object."""
    return _encoder.encode(message)[1:-1]


def decode(data: bytes | str, type_: type[T]) -> T:
    """Parse *data*, written by a stranger, as *type_*.

    Raises:
        MalformedInput: not UTF-8, not JSON, or nested deeper than the parser's bound.
        InvalidInput: JSON, but not of that shape; `fields` says which member and why.
    """
    try:
        return msgspec.json.decode(data, type=type_)
    except msgspec.ValidationError as exc:
        raise InvalidInput(*_explain(str(exc))) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise MalformedInput(str(exc)) from exc


def text(data: bytes) -> Text:
    """Return *data* as a string, or as base64 where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(base64=base64.b64encode(data).decode())


def _explain(message: str) -> tuple[str, tuple[FieldError, ...]]:
    """Split a msgspec message into a sentence and the field that it speaks of."""
    found = _PATH.search(message)
    sentence = message[: found.start()] if found else message
    path = (found["path"] if found else "").lstrip(".")
    named = _FIELD_IN_TEXT.search(sentence) or _LEADING_NAME.search(sentence)
    if named and not path.endswith(named["name"]):
        path = f"{path}.{named['name']}".lstrip(".")
    return sentence, (FieldError(path or "(body)", sentence),)
