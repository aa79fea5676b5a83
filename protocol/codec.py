"""Bytes from outside to messages and back, with caps and errors that name the field.

Nothing else in the system parses what a stranger wrote.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from protocol.errors import FieldError, InvalidInput, MalformedInput
from protocol.messages import Binary, Text
from protocol.words import plain, plain_syntax

T = TypeVar("T")

#: Error texts quote what was sent; a name as long as the body would come back whole.
MAX_SENTENCE_CHARS = 300

_encoder = msgspec.json.Encoder()
#: Control characters that JSON lets stand bare: DEL, and C1 in UTF-8, with which commands to a
#: terminal begin. What a program prints must not command the one that shows it.
_CONTROLS = re.compile(rb"\x7f|\xc2[\x80-\x9f]")
#: Where msgspec says that it stood. The path has no text of the sender: keys of maps are `[...]`.
_PLACE = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`\Z")
#: msgspec speaks of a member that is missing or unknown from the object around it.
_MEMBER = re.compile(
    r"\AObject (?:missing required|contains unknown) field `(?P<name>.*)`\Z", re.DOTALL
)
_GOT_STRING = re.compile(r"(?: \| null)?`, got `str`(?= - at )")
#: Our own `__post_init__` texts begin with the member at fault.
_OWN = re.compile(r"\A`(?P<name>\w+)`")


def encode(message: object) -> bytes:
    """Return *message* as compact JSON, in which no control character stands bare."""
    return _escape(_encoder.encode(message))


def encode_members(message: object) -> bytes:
    """Return the members of *message* as JSON without braces, to go into a larger object."""
    return encode(message)[1:-1]


def _escape(data: bytes) -> bytes:
    if b"\x7f" not in data and b"\xc2" not in data:
        return data
    return _CONTROLS.sub(lambda found: b"\\u%04x" % found[0][-1], data)


def decode(data: bytes | str, type_: type[T]) -> T:
    """Parse *data*, written by a stranger, as *type_*.

    A name that stands twice in one object is refused, at any depth: which of the two counts differs
    from parser to parser, so a proxy in front could have checked the other one.

    Raises:
        MalformedInput: not UTF-8, not JSON, or nested deeper than the parser's bound.
        InvalidInput: JSON, but not of that shape; `fields` says which member and why.
    """
    try:
        message = msgspec.json.decode(data, type=type_)
        _refuse_duplicates(data)
    except msgspec.ValidationError as exc:
        raise InvalidInput(*_explain(str(exc), type_)) from exc
    except RecursionError as exc:
        raise MalformedInput("it is nested too deep") from exc
    except (msgspec.DecodeError, UnicodeError) as exc:
        raise MalformedInput(plain_syntax(data, str(exc))) from exc
    return message


def convert(values: Mapping[str, str], type_: type[T]) -> T:
    """Read *values*, the strings of a query that a stranger wrote, as *type_*.

    Raises:
        InvalidInput: a value is missing, unknown, or not of its type; `fields` says which and why.
    """
    try:
        return msgspec.convert(values, type_, strict=False)
    except msgspec.ValidationError as exc:
        # Everything here is a string, so that says nothing, and nobody can write null.
        message = _GOT_STRING.sub("`", str(exc))
        raise InvalidInput(*_explain(message, type_)) from exc


def text(data: bytes) -> Text:
    """Return *data* as a string, or as base64 where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(base64=base64.b64encode(data).decode())


def _refuse_duplicates(data: bytes | str) -> None:
    """Raise InvalidInput if an object in *data*, which is known to be JSON, has a name twice."""
    document = data if isinstance(data, str) else data.decode()
    # Numbers are not wanted, and `int` refuses more than 4300 digits: `bool` reads none of them.
    json.loads(document, object_pairs_hook=_check_names, parse_int=bool, parse_float=bool)


def _check_names(members: list[tuple[str, object]]) -> None:
    """Raise InvalidInput for the first name that stands twice among *members*."""
    seen = set()
    for name, _ in members:
        if name in seen:
            sentence = _shorten(f"`{name}` is given twice")
            raise InvalidInput(sentence, (FieldError(_shorten(name), sentence),))
        seen.add(name)


def _explain(message: str, type_: object) -> tuple[str, tuple[FieldError, ...]]:
    """Return what a msgspec message says of a *type_*, and the field that it speaks of."""
    place = _PLACE.search(message)
    sentence = message[: place.start()] if place else message
    path = place["path"] if place else ""
    named = _MEMBER.match(sentence) or _OWN.match(sentence)
    if named:
        path = f"{path}.{named['name']}"
    path = path.removeprefix(".")
    field = _shorten(path) or "(body)"
    words = plain(sentence, path, type_)
    subject = f"`{path}`" if path else "the body"
    sentence = _shorten(f"{subject} {words}" if words.startswith("must ") else words)
    return sentence, (FieldError(field, sentence),)


def _shorten(sentence: str) -> str:
    """Return *sentence* fit to be sent back: of bounded length, without lone surrogates."""
    sentence = sentence.encode("utf-8", "replace").decode()
    if len(sentence) <= MAX_SENTENCE_CHARS:
        return sentence
    half = MAX_SENTENCE_CHARS // 2
    return f"{sentence[:half]}...{sentence[-half:]}"
