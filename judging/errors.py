"""What can be wrong with a problem package."""

from __future__ import annotations

from pathlib import Path


class PackageError(Exception):
    """A package can't be judged: the message names the file, the line if known, and what is wrong.

    Attributes:
        file: the file or directory at fault.
        problem: what is wrong with it, and what was expected.
        line: the line at fault, counted from 1; None if the whole file is.
    """

    def __init__(self, file: Path, problem: str, line: int | None = None) -> None:
        self.file = file
        self.problem = problem
        self.line = line
        super().__init__(f"{file}{f':{line}' if line else ''}: {problem}")
