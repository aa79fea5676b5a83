r"""Macros that a statement in TeX defines for itself: taken out, and put in where they are used.

Known are `\newcommand` and `\renewcommand`, with arguments and a default for the first, and `\def`
with plain arguments. A macro may use those that were defined before it. What would add more
than `_MOST_CHARS` is left as it stands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand\*?\s*(?:\{\s*\\([A-Za-z]+)\s*\}|\\([A-Za-z]+))\s*(?:\[([0-9])\])?\s*"
    r"(?:\[([^\[\]]*)\])?|def\s*\\([A-Za-z]+)((?:#[1-9])*))\s*(?=\{)"
)
#: What all uses of one macro may add.
_MOST_CHARS = 1 << 14
#: How deep the use of a macro may stand in its own argument.
_MOST_NESTED = 10


class _Macro(NamedTuple):
    """A macro: how many arguments it takes, and what the first is where it is left out."""

    name: str
    body: str
    arguments: int
    default: str | None

    def expand(self, text: str, nested: int = 0) -> str:
        """Return *text* with the body of this macro in place of its uses."""
        use = re.compile(rf"\\{self.name}(?![A-Za-z])" + (r"" if self.arguments else r"\s*(\{\})?"))
        parts, place, length = [], 0, 0
        while found := use.search(text, place):
            arguments, behind = self._arguments(text, found.end())
            if nested < _MOST_NESTED:
                arguments = [self.expand(each, nested + 1) for each in arguments]
            filled = self._filled(arguments)
            length += len(filled)
            if length > _MOST_CHARS:
                break
            parts += [text[place : found.start()], filled]
            place = behind
        return "".join(parts) + text[place:]

    def _arguments(self, text: str, place: int) -> tuple[list[str], int]:
        arguments = []
        if self.default is not None:
            given = re.compile(r"\s*\[([^\[\]]*)\]").match(text, place)
            arguments.append(given[1] if given else self.default)
            place = given.end() if given else place
        while len(arguments) < self.arguments:
            argument, place = raw_argument(text, place)
            arguments.append(argument)
        return arguments, place

    def _filled(self, arguments: list[str]) -> str:
        return re.sub(
            r"#([1-9])",
            lambda m: arguments[int(m[1]) - 1] if int(m[1]) <= len(arguments) else m[0],
            self.body,
        )


def expand_macros(text: str) -> str:
    """Return *text* without the macros that it defines, and with them where it uses them."""
    macros: list[_Macro] = []
    while found := _DEFINITION.search(text):
        braced, bare, count, default, defined, hashes = found.groups()
        arguments = int(count or 0) if hashes is None else hashes.count("#")
        body, behind = raw_argument(text, found.end())
        name = braced or bare or defined
        macros = [each for each in macros if each.name != name]
        macros.append(_Macro(name, body, arguments, default if arguments else None))
        text = text[: found.start()] + text[behind:]
    for macro in reversed(macros):
        text = macro.expand(text)
    return text


def raw_argument(text: str, place: int) -> tuple[str, int]:
    """Return the argument at *place* as it stands, and the place behind it."""
    while text[place : place + 1].isspace():
        place += 1
    if text[place : place + 1] != "{":
        return text[place : place + 1], place + 1
    start, level = place + 1, 0
    while place < len(text):
        char = text[place]
        level += (char == "{") - (char == "}")
        place += 2 if char == "\\" else 1
        if level == 0:
            return text[start : place - 1], place
    return text[start:], place
