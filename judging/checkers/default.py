"""The default output validator: compares an output with the answer, token by token.

Source: problem package format, "Default output validator specification" and, for floating-point
numbers, "General requirements". Where the text leaves room, this module follows the reference
implementation: a number too large for a double is text, a NaN or an infinity is text.
One thing differs from it on purpose: hexadecimal floats are text, as the 2025-09 text says; the
reference takes them by accident of C's `scanf`.

The work is linear in time whatever the output is, and done in blocks of about `BLOCK_BYTES`, so
the extra memory does not grow with the output. Both sides may be an `mmap` of a file.
"""

from __future__ import annotations

import math
import mmap
import re
from dataclasses import dataclass
from itertools import islice

from judging.checkers.flags import ValidatorFlags

#: How much is split at a time. Larger made 100 MB no faster, smaller did.
BLOCK_BYTES = 1 << 18
#: How much of a token is shown.
SHOWN_CHARS = 60

Bytes = bytes | mmap.mmap

# White space is the six bytes that bytes.split() and \s in a bytes pattern know.
_SPACE = re.compile(rb"\s")
_NOT_SPACE = re.compile(rb"\S")
_TOKEN = re.compile(rb"\S+")
_PIECE = re.compile(rb"\s+|\S+")
# Possessive, so that a megabyte of digits with a letter at the end costs no quadratic time.
_FLOAT = re.compile(rb"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+")


@dataclass(frozen=True, slots=True)
class Check:
    """What the validator found.

    Attributes:
        accepted: whether the output is right.
        feedback: the first difference, in words; it shows parts of the answer, so it is for
            samples only. None when there is none.
    """

    accepted: bool
    feedback: str | None = None


@dataclass(frozen=True, slots=True)
class _Difference:
    """The first pair of pieces that differs; `number` and `offset` say where in the output."""

    number: int
    offset: int
    expected: bytes | None
    got: bytes | None


def check(output: Bytes, answer: Bytes, flags: ValidatorFlags | None = None) -> Check:
    """Compare *output* with *answer* as *flags* say.

    Args:
        output: what the program wrote.
        answer: what it should have written.
        flags: how to compare; by default token by token, upper and lower case alike.
    """
    flags = flags or ValidatorFlags()
    difference = _first_difference(output, answer, flags)
    if difference is None:
        return Check(accepted=True)
    return Check(accepted=False, feedback=_describe(difference, output, flags))


def _first_difference(output: Bytes, answer: Bytes, flags: ValidatorFlags) -> _Difference | None:
    """Walk both sides in step, many pieces at a time, and return where they part."""
    got, expected = _Pieces(output, flags), _Pieces(answer, flags)
    while count := min(got.fill(), expected.fill()):
        mine, theirs = got.peek(count), expected.peek(count)
        if mine != theirs:
            for index, (left, right) in enumerate(zip(mine, theirs, strict=True)):
                if left != right and not _close(left, right, flags):
                    got.skip(index)
                    return _Difference(got.number, got.offset(), right, left)
        got.skip(count)
        expected.skip(count)
    left_over, missing = got.peek(1), expected.peek(1)
    if not left_over and not missing:
        return None
    return _Difference(
        got.number,
        got.offset(),
        missing[0] if missing else None,
        left_over[0] if left_over else None,
    )


class _Pieces:
    """One side as a queue of tokens (and white space, where that counts), split block by block.

    Attributes:
        number: how many pieces were skipped so far.
    """

    def __init__(self, text: Bytes, flags: ValidatorFlags) -> None:
        self.number = 0
        self._text = text
        self._flags = flags
        self._ready: list[bytes] = []
        self._next = 0
        self._block_start = self._block_end = 0

    def fill(self) -> int:
        """Return how many pieces are at hand, splitting another block if there are none."""
        while self._next == len(self._ready) and self._block_end < len(self._text):
            self._block_start, self._block_end = self._block_end, self._find_end()
            self._next = 0
            block = self._text[self._block_start : self._block_end]
            if not self._flags.case_sensitive:
                block = block.lower()
            self._ready = (
                _PIECE.findall(block) if self._flags.space_change_sensitive else block.split()
            )
        return len(self._ready) - self._next

    def peek(self, count: int) -> list[bytes]:
        """Return the next *count* of the pieces at hand, or as many as there are."""
        return self._ready[self._next : self._next + count]

    def skip(self, count: int) -> None:
        """Pass over *count* of the pieces at hand."""
        self._next += count
        self.number += count

    def offset(self) -> int:
        """Return where in the text the next piece begins."""
        if self._next == len(self._ready):
            return self._block_end
        pattern = _PIECE if self._flags.space_change_sensitive else _TOKEN
        found = pattern.finditer(self._text[self._block_start : self._block_end])
        return self._block_start + next(islice(found, self._next, None)).start()

    def _find_end(self) -> int:
        """Return where the next block ends: white space begins there, so nothing is cut in two."""
        token = _NOT_SPACE.search(self._text, self._block_end + BLOCK_BYTES)
        space = _SPACE.search(self._text, token.start()) if token else None
        return space.start() if space else len(self._text)


def _close(got: bytes, expected: bytes, flags: ValidatorFlags) -> bool:
    """Tell whether two different pieces count as the same number."""
    if not flags.compares_floats:
        return False
    right = _number(expected)
    if right is None:
        return False
    left = _number(got)
    if left is None:
        return False
    error = abs(left - right)
    absolute, relative = flags.float_absolute_tolerance, flags.float_relative_tolerance
    return (absolute is not None and error <= absolute) or (
        relative is not None and error <= relative * abs(right)
    )


def _number(token: bytes) -> float | None:
    """Return the value of a decimal floating-point number, None if *token* is none or too large."""
    if not _FLOAT.fullmatch(token):
        return None
    value = float(token)
    return value if math.isfinite(value) else None


def _describe(difference: _Difference, output: Bytes, flags: ValidatorFlags) -> str:
    """Put the first difference into words."""
    where = _place(difference, output, flags)
    expected, got = difference.expected, difference.got
    if got is None:
        return f"{where}: expected {_shown(expected)}, but the output ends"
    if expected is None:
        return f"{where}: expected the end of the output, got {_shown(got)}"
    return f"{where}: expected {_shown(expected)}, got {_shown(got)}"


def _place(difference: _Difference, output: Bytes, flags: ValidatorFlags) -> str:
    """Say where in *output* the difference is, for people: counted from 1, with the line."""
    name = "piece" if flags.space_change_sensitive else "token"
    line = 1
    for start in range(0, difference.offset, BLOCK_BYTES):
        line += output[start : min(start + BLOCK_BYTES, difference.offset)].count(b"\n")
    return f"{name} {difference.number + 1} (line {line})"


def _shown(piece: bytes | None) -> str:
    """Return *piece* readable and short, in quotes."""
    text = (piece or b"")[: SHOWN_CHARS + 1].decode("utf-8", errors="backslashreplace")
    if len(text) > SHOWN_CHARS:
        text = text[:SHOWN_CHARS] + "..."
    return '"' + text.translate({9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}) + '"'
