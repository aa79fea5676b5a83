"""What msgspec says of a wrong input, in words for the person who sent it.

msgspec's sentences are exact but speak of regular expressions and Python types. `plain` turns each
kind of them into what is expected; a sentence that it does not know is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec import inspect

from protocol.forms import FORMS

_TYPES = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_EXPECTED = re.compile(r"\AExpected `(?P<wanted>[^`]+)`(?:, got `(?P<got>[^`]+)`)?\Z")
_FORM = re.compile(r"\AExpected `str` matching regex '(?P<pattern>.*)'\Z", re.DOTALL)
_BOUND = re.compile(r"\AExpected `(?:int|float)` (?P<sign>>=|<=|>|<) (?P<bound>\S+)\Z")
_LENGTH = re.compile(r"\AExpected `(?P<type>str|array)` of length (?P<sign>>=|<=) (?P<bound>\d+)\Z")
_ENUM = re.compile(r"\AInvalid enum value (?P<value>.*)\Z", re.DOTALL)
_MISSING = re.compile(r"\AObject missing required field `(?P<name>.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"\AObject contains unknown field `(?P<name>.*)`\Z", re.DOTALL)
_SIGNS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_PART = re.compile(r"\w+|\[[^\]]*\]")


def plain(sentence: str, path: str, type_: object) -> str:
    """Return msgspec's *sentence* about *path* (``files[0].name``) of a *type_* in plain words."""
    for pattern, phrase in _PHRASES:
        if found := pattern.match(sentence):
            return phrase(found, path, type_)
    return sentence


def plain_syntax(data: bytes | str, sentence: str) -> str:
    """Return why *data* is no JSON, where msgspec's *sentence* would mislead."""
    if not data.strip():
        return "it is empty"
    if sentence.startswith("'utf-8' codec"):
        return "it is not UTF-8"
    truncated = sentence == "Input data was truncated"
    if "surrogate" in sentence or (truncated and _has_half(data)):
        return r"an escape such as \ud800 is half of a character; write both halves"
    return "it ends too early" if truncated else sentence.removeprefix("JSON is malformed: ")


def _has_half(data: bytes | str) -> bool:
    """Tell whether *data* has the first half of a surrogate pair without the second."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return re.search(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])", text) is not None


def _say_types(found: re.Match[str], _path: str, _type: object) -> str:
    wanted = " or ".join(_TYPES.get(name, name) for name in found["wanted"].split(" | "))
    got = f", not {_TYPES.get(found['got'], found['got'])}" if found["got"] else ""
    return f"must be {wanted}{got}"


def _say_form(found: re.Match[str], _path: str, _type: object) -> str:
    # msgspec quotes the pattern as `repr` does.
    return FORMS[found["pattern"].replace("\\\\", "\\")]


def _say_bound(found: re.Match[str], _path: str, _type: object) -> str:
    return f"must be {_SIGNS[found['sign']]} {float(found['bound']):g}"


def _say_length(found: re.Match[str], _path: str, _type: object) -> str:
    what = "characters" if found["type"] == "str" else "entries"
    return f"must have {_SIGNS[found['sign']]} {found['bound']} {what}"


def _say_values(found: re.Match[str], path: str, type_: object) -> str:
    values: Iterable[object] = ()
    match _inner(inspect.type_info(type_), path):
        case inspect.EnumType(cls=members):
            values = (member.value for member in members)
        case inspect.LiteralType(values=literals):
            values = literals
    return f"must be one of: {', '.join(map(str, values))}; not {found['value']}"


def _say_missing(found: re.Match[str], _path: str, _type: object) -> str:
    return f"`{found['name']}` is required"


def _say_unknown(found: re.Match[str], path: str, type_: object) -> str:
    around = path.removesuffix(found["name"]).removesuffix(".")
    sentence = f"unknown field `{found['name']}`"
    match _inner(inspect.type_info(type_), around):
        case inspect.StructType(fields=fields):
            return f"{sentence}; known are: {', '.join(field.encode_name for field in fields)}"
    return sentence


def _inner(type_: inspect.Type, path: str) -> inspect.Type:
    """Return the type of the member at *path* below *type_*; `AnyType` where that can't be told."""
    for part in _PART.findall(path):
        match _present(type_):
            case inspect.StructType(fields=fields):
                named = [field.type for field in fields if field.encode_name == part]
                type_ = named[0] if named else inspect.AnyType()
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                type_ = item
            case inspect.DictType(value_type=value):
                type_ = value
            case _:
                return inspect.AnyType()
    return _present(type_)


def _present(type_: inspect.Type) -> inspect.Type:
    """Return what *type_* is where it is not null."""
    return type_.types[0] if isinstance(type_, inspect.UnionType) else type_


_PHRASES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, object], str]], ...] = (
    (_EXPECTED, _say_types),
    (_FORM, _say_form),
    (_BOUND, _say_bound),
    (_LENGTH, _say_length),
    (_ENUM, _say_values),
    (_MISSING, _say_missing),
    (_UNKNOWN, _say_unknown),
)
