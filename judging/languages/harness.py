"""What a language needs so that people write only a function: starter code and a harness.

The harness is a program around the function: it reads the arguments, calls the function and writes
what comes back, both as words with white space between, see `judging.function`. It runs where the
solution runs, so nothing that it does is trusted.

A language's file has it in `[function]`. In `starter`, `parameter` and `read` stand `{name}` and
the like, in `files` `@name@` and the like, for braces mean much in programs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ARRAY = "[]"


class Parameter(Protocol):
    """A name and a type as `judging.function` has them: `int[]`."""

    @property
    def name(self) -> str:
        """How the statement calls it."""

    @property
    def type(self) -> str:
        """Its type."""


class Signature(Protocol):
    """A function's name, parameters and the type of what it returns."""

    @property
    def name(self) -> str:
        """How the statement calls it."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """In order."""

    @property
    def returns(self) -> str:
        """A type."""


@dataclass(frozen=True, slots=True)
class Harness:
    """One language's harness.

    Attributes:
        types: what each type but arrays is called, see `judging.function.TYPES`.
        array: what an array is called; `{item}` is its elements' type.
        parameter: how a parameter is declared, of `{name}` and `{type}`.
        starter: what people begin with, of `{name}`, `{parameters}` and `{returns}`.
        solution: the name of the file that they write.
        entry: the file that the program starts with; if it is `solution`, the harness is put
            behind what they wrote.
        read: reads an argument, of `{variable}`, `{type}` in the language and `{shape}`, the type
            as the problem has it.
        files: the harness, by file name. In it `@reads@` are all arguments read, `@variables@`
            their names, `@name@` is the function's name, `@returns@` and `@returns_type@` the type
            of what it returns as the problem and as the language has it.
        prefix: put before the solution on its first line, so that lines keep their numbers.
        prefix_unless: where this pattern is found in the solution, the prefix is left out.
        snake_case: names are written `two_sum` and not `twoSum`.
    """

    types: Mapping[str, str]
    array: str
    parameter: str
    starter: str
    solution: str
    entry: str
    read: str
    files: Mapping[str, str]
    prefix: str = ""
    prefix_unless: str | None = None
    snake_case: bool = False

    def starter_for(self, signature: Signature) -> str:
        """Return the code to begin with."""
        parameters = (
            self.parameter.replace("{name}", self._cased(each.name)).replace(
                "{type}", self._type(each.type)
            )
            for each in signature.parameters
        )
        values = {
            "name": self._cased(signature.name),
            "parameters": ", ".join(parameters),
            "returns": self._type(signature.returns),
        }
        return re.sub(
            r"\{(name|parameters|returns)\}", lambda m: values[m[1]], self.starter
        ).lstrip()

    def wrap(self, signature: Signature, solution: bytes) -> dict[str, bytes]:
        """Return the files of the program that calls *solution* once."""
        separator = ", " if "{variable}" not in self.read else "\n    "
        values = {
            "name": self._cased(signature.name),
            "reads": separator.join(
                self._read(number, each.type) for number, each in enumerate(signature.parameters)
            ),
            "variables": ", ".join(f"a{n}" for n in range(len(signature.parameters))),
            "returns": signature.returns,
            "returns_type": self._type(signature.returns),
        }
        files = {
            name: re.sub(r"@([a-z_]+)@", lambda m: values[m[1]], text).encode()
            for name, text in self.files.items()
        }
        written = self._prefixed(solution)
        if self.solution == self.entry:
            written += b"\n" + files[self.entry]
        return {**files, self.solution: written}

    def _prefixed(self, solution: bytes) -> bytes:
        unless = self.prefix_unless
        if unless is not None and re.search(unless.encode(), solution, re.MULTILINE):
            return solution
        return self.prefix.encode() + solution

    def _type(self, type_: str) -> str:
        if type_.endswith(ARRAY):
            return self.array.replace("{item}", self._type(type_.removesuffix(ARRAY)))
        return self.types[type_]

    def _read(self, number: int, type_: str) -> str:
        values = {"variable": f"a{number}", "type": self._type(type_), "shape": type_}
        return re.sub(r"\{(variable|type|shape)\}", lambda m: values[m[1]], self.read)

    def _cased(self, name: str) -> str:
        if not self.snake_case:
            return name
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
