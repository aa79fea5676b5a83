"""LeetCode-style problems: people write a function, and a harness calls it.

`function.yaml` beside `problem.yaml` makes a problem one of these:

    signature: "twoSum(nums: int[], target: int) -> int[]"
    any_order: true         # the elements of what is returned may come in any order
    float_tolerance: 1e-6   # relative or absolute; without it 1e-9

A type is one of `TYPES` or an array of one: `int[]`, `int[][]`. An `int` has 32 bits, a `long` is
from -(2^53 - 1) to 2^53 - 1, for that is what JavaScript can tell apart. Each test's input has one
argument a line in JSON, its answer is one JSON value; a list is written as an array of its values,
a tree level by level with null for a child that is not there. So the package is valid for others,
too: as a problem whose programs read and write JSON.

Theory of operation. Each test is a run of its own: the harness gets the arguments of this test and
no other, and its reply is read and compared here, out of its reach. It writes one message: the
number of bytes, a line end, that many bytes, a line end. Anything else is no reply, so a program
that ends early, writes twice or too little gets nothing. Messages both ways are decimal numbers
with white space between, so that no language needs a parser:

- a number as itself, a bool as 0 or 1;
- a string as the number of its code points, then these; an array as the number of its elements,
  then these; a list as the array of its values;
- a tree as the number of places, level by level, then for each 0, or 1 and the value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judging.checkers.default import Check
from judging.document import Section, read_document

TYPES = ("int", "long", "float", "bool", "string", "ListNode", "TreeNode")
ARRAY = "[]"
_FLOAT_TOLERANCE = 1e-9
_SHOWN_CHARS = 200
_INT = range(-(2**31), 2**31)
_LONG = range(-(2**53) + 1, 2**53)

_NAME = r"[A-Za-z][A-Za-z0-9]{0,39}"
_TYPE = rf"(?:{'|'.join(TYPES)})(?:\[\]){{0,2}}"
_PARAMETER = re.compile(rf"\s*({_NAME})\s*:\s*({_TYPE})\s*")
_SIGNATURE = re.compile(rf"\s*({_NAME})\s*\(([^()]*)\)\s*->\s*({_TYPE})\s*")
_REPLY = re.compile(rb"([0-9]{1,10})\n")
_WHOLE = re.compile(rb"-?[0-9]{1,20}")
_DECIMAL = re.compile(rb"-?[0-9]{1,400}(?:\.[0-9]{0,400})?(?:[eE][+-]?[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's name and type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Function:
    """The function that a problem wants.

    Attributes:
        name: as the statement has it, in camel case.
        parameters: in order.
        returns: the type of what it returns.
        any_order: whether an array's elements may be returned in any order.
        float_tolerance: how far, absolutely or relatively, a float may be from the answer.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    any_order: bool = False
    float_tolerance: float = _FLOAT_TOLERANCE

    def message(self, text: bytes) -> bytes:
        """Return what the harness gets for a test whose input is *text*.

        Raises:
            ValueError: this is not the arguments of the function; the message says why.
        """
        lines = text.decode().splitlines()
        if len(lines) != len(self.parameters):
            raise ValueError(f"expected {len(self.parameters)} lines, one an argument")
        words: list[str] = []
        for parameter, line in zip(self.parameters, lines, strict=True):
            try:
                words += _words(_loads(line), parameter.type)
            except ValueError as exc:
                raise ValueError(f"{parameter.name}: {exc}") from exc
        return (" ".join(words) + "\n").encode()

    def answer(self, text: bytes) -> Any:
        """Return the value that a test's answer file, *text*, holds.

        Raises:
            ValueError: it is not of the type that the function returns.
        """
        value = _loads(text.decode())
        list(_words(value, self.returns))
        return _trimmed(value) if self.returns == "TreeNode" else value

    def check(self, output: bytes, answer: bytes) -> Check:
        """Compare what the harness wrote with the answer."""
        expected = self.answer(answer)
        try:
            got = self._reply(output)
        except ValueError as exc:
            return Check(accepted=False, feedback=f"the function returned nothing to read: {exc}")
        if self._same(got, expected):
            return Check(accepted=True)
        told = f"expected {_shown(expected)}, got {_shown(got)}"
        return Check(accepted=False, feedback=told)

    def _reply(self, output: bytes) -> Any:
        head = _REPLY.match(output)
        if head is None:
            raise ValueError("the program ended before the function did" if not output else "noise")
        text = output[head.end() :]
        if len(text) != int(head[1]) + 1 or not text.endswith(b"\n"):
            raise ValueError("it is cut off, or more was written")
        words = iter(text.split())
        try:
            value = _value(words, self.returns)
        except StopIteration:
            raise ValueError("it is too short") from None
        if next(words, None) is not None:
            raise ValueError("it is too long")
        return value

    def _same(self, got: Any, expected: Any) -> bool:
        if self.any_order:
            got, expected = sorted(got, key=repr), sorted(expected, key=repr)
        return _equal(got, expected, self.float_tolerance)


def read_function(file: Path) -> Function | None:
    """Return what *file* declares; None if there is no such file.

    Raises:
        PackageError: it declares no function that we can call.
    """
    if not file.is_file():
        return None
    document = read_document(file)
    function = _parse(document)
    document.refuse_unknown()
    return function


def _parse(document: Section) -> Function:
    text = document.text("signature")
    found = _SIGNATURE.fullmatch(text)
    if found is None:
        document.refuse(
            "signature",
            f"expected one like twoSum(nums: int[], target: int) -> int[] with the types "
            f"{', '.join(TYPES)} and arrays of them, got {text!r}",
        )
    parameters = []
    for part in found[2].split(",") if found[2].strip() else ():
        parameter = _PARAMETER.fullmatch(part)
        if parameter is None:
            document.refuse("signature", f"expected NAME: TYPE, got {part.strip()!r}")
        parameters.append(Parameter(parameter[1], parameter[2]))
    names = [parameter.name for parameter in parameters]
    if not names or len(set(names)) < len(names):
        document.refuse("signature", "expected parameters, each with a name of its own")
    any_order = document.raw("any_order")
    if any_order not in (None, True, False) or (any_order and not found[3].endswith(ARRAY)):
        document.refuse("any_order", "expected true or false, and true only for an array")
    tolerance = document.number("float_tolerance") or _FLOAT_TOLERANCE
    return Function(found[1], tuple(parameters), found[3], bool(any_order), tolerance)


def _loads(text: str) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def _words(value: Any, type_: str) -> Iterator[str]:
    """Yield the words of *value*; raises ValueError if it is not of *type_*."""
    if type_.endswith(ARRAY) or type_ == "ListNode":
        if not isinstance(value, list):
            raise ValueError(f"expected an array for {type_}, got {_shown(value)}")
        yield str(len(value))
        item_type = type_.removesuffix(ARRAY) if type_ != "ListNode" else "int"
        for item in value:
            yield from _words(item, item_type)
    elif type_ == "TreeNode":
        yield from _tree_words(value)
    elif type_ == "string":
        if not isinstance(value, str):
            raise ValueError(f"expected a string, got {_shown(value)}")
        yield str(len(value))
        yield from (str(ord(letter)) for letter in value)
    else:
        yield _number_word(value, type_)


def _tree_words(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or value[:1] == [None]:
        raise ValueError(f"expected an array for a tree, the empty one is [], got {_shown(value)}")
    places = 1
    yield str(len(value))
    for number, item in enumerate(value):
        if number >= places:
            raise ValueError("a tree has more places than its nodes have children")
        if item is None:
            yield "0"
        else:
            places += 2
            yield "1"
            yield _number_word(item, "int")


def _number_word(value: Any, type_: str) -> str:
    if type_ == "bool":
        fits = isinstance(value, bool)
    elif type_ == "float":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        fits = fits and math.isfinite(value)
    else:
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole and value in (_INT if type_ == "int" else _LONG)
    if not fits:
        raise ValueError(f"expected {type_}, got {_shown(value)}")
    return repr(float(value)) if type_ == "float" else str(int(value))


def _value(words: Iterator[bytes], type_: str) -> Any:
    """Return the value that *words* begin with."""
    if type_.endswith(ARRAY):
        item_type = type_.removesuffix(ARRAY)
        return [_value(words, item_type) for _ in range(_whole(words))]
    if type_ == "ListNode":
        return [_whole(words) for _ in range(_whole(words))]
    if type_ == "string":
        return "".join([_letter(words) for _ in range(_whole(words))])
    if type_ == "TreeNode":
        return _trimmed([_place(words) for _ in range(_whole(words))])
    if type_ == "bool":
        return _whole(words) != 0
    if type_ == "float":
        word = next(words)
        if not _DECIMAL.fullmatch(word):
            raise ValueError(f"{word[:40]!r} is no number")
        return float(word)
    return _whole(words)


def _whole(words: Iterator[bytes]) -> int:
    word = next(words)
    if not _WHOLE.fullmatch(word):
        raise ValueError(f"{word[:40]!r} is no whole number")
    return int(word)


def _place(words: Iterator[bytes]) -> int | None:
    return None if _whole(words) == 0 else _whole(words)


def _letter(words: Iterator[bytes]) -> str:
    point = _whole(words)
    if not 0 <= point < 0x110000:
        raise ValueError(f"{point} is no code point")
    return chr(point)


def _trimmed(tree: list[Any]) -> list[Any]:
    while tree and tree[-1] is None:
        tree = tree[:-1]
    return tree


def _equal(got: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(got, list):
        return len(got) == len(expected) and all(
            _equal(one, other, tolerance) for one, other in zip(got, expected, strict=True)
        )
    if isinstance(got, float):
        return math.isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance)
    return bool(got == expected)


def _shown(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
