"""Output validators that come with a package: how they are called, and what they say.

Source: problem package format, "Output validator"; for checkers written with testlib, its own exit
codes. Such a checker is told by `gavel.yaml` (`output_validator: testlib`), or found by its
sources: they include `testlib.h`, and no file of theirs gives testlib the format's exit codes, as
ports of testlib to this format do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from judging.programs import PackageProgram

#: The file names that a validator finds in its folder, which is its feedback directory, too.
INPUT, ANSWER, OUTPUT = "test.in", "test.ans", "test.out"
SCORE, MULTIPLIER, NEXT_PASS = "score.txt", "score_multiplier.txt", "nextpass.in"
JUDGE_MESSAGE, TEAM_MESSAGE = "judgemessage.txt", "teammessage.txt"
FEEDBACK = (SCORE, MULTIPLIER, NEXT_PASS, JUDGE_MESSAGE, TEAM_MESSAGE)

_INCLUDE = re.compile(rb'^\s*#\s*include\s*[<"]testlib\.h[">]', re.MULTILINE)
_FORMAT_CODES = re.compile(rb"_EXIT_CODE\s+(?:42|43)\b|\bexit\s*\(\s*4[23]\s*\)")
_POINTS = re.compile(r"points\s+([-+0-9.eE]+)")
#: Of `_pc(n)`, whose exit code is n: by it alone 0 would be right, and 1 wrong.
_PARTIAL = re.compile(r"partially correct \(([0-9]{1,3})\)")


class Interface(StrEnum):
    """How a validator is called and answers."""

    FORMAT = "format"
    TESTLIB = "testlib"


class ValidatorFault(Exception):
    """The validator did not do what validators must: the package's fault, never the program's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a validator said of one output.

    Attributes:
        accepted: whether the output is right.
        score: points for this test, from `score.txt`.
        multiplier: the part of the test's points, from `score_multiplier.txt`.
        next_input: what the program is to be run on next; None if this was the last pass.
        judge_message: for whoever looks after the problem; it may show hidden data.
        team_message: for whoever sent the program in.
    """

    accepted: bool
    score: float | None = None
    multiplier: float | None = None
    next_input: bytes | None = None
    judge_message: str = ""
    team_message: str = ""


def detect_interface(program: PackageProgram) -> Interface:
    """Return how *program* wants to be called, as far as its sources tell."""
    if not any(
        _INCLUDE.search(text) for name, text in program.files.items() if name != "testlib.h"
    ):
        return Interface.FORMAT
    speaks_format = any(_FORMAT_CODES.search(text) for text in program.files.values())
    return Interface.FORMAT if speaks_format else Interface.TESTLIB


def arguments_for(
    interface: Interface, folder: str, arguments: tuple[str, ...], *, interactive: bool
) -> tuple[str, ...]:
    """Return what a validator is called with, its files being in *folder* (which ends with `/`)."""
    if interface is Interface.FORMAT:
        return (folder + INPUT, folder + ANSWER, folder, *arguments)
    output = OUTPUT if not interactive else "interaction.out"
    return (folder + INPUT, folder + output, folder + ANSWER, *arguments)


def read_finding(
    interface: Interface, exit_code: int, files: Mapping[str, bytes], stderr: bytes
) -> Finding:
    """Return what a validator that ended by itself has said.

    Raises:
        ValidatorFault: its exit code or one of its files is none that a validator may give.
    """
    if interface is Interface.TESTLIB:
        return _read_testlib(exit_code, stderr)
    judge_message = _text(files.get(JUDGE_MESSAGE, b""))
    if exit_code not in (42, 43):
        told = judge_message or _text(stderr)
        raise ValidatorFault(
            f"exit code {exit_code}, expected 42 or 43{f'; it said: {told}' if told else ''}"
        )
    accepted = exit_code == 42
    next_input = files.get(NEXT_PASS)
    if next_input is not None and not accepted:
        raise ValidatorFault(f"it wrote {NEXT_PASS} and rejected the output")
    if SCORE in files and MULTIPLIER in files:
        raise ValidatorFault(f"it wrote both {SCORE} and {MULTIPLIER}")
    return Finding(
        accepted,
        _number(files, SCORE),
        _number(files, MULTIPLIER, most=1.0),
        next_input,
        judge_message,
        _text(files.get(TEAM_MESSAGE, b"")),
    )


def _number(files: Mapping[str, bytes], name: str, most: float = math.inf) -> float | None:
    if name not in files:
        return None
    text = _text(files[name])
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value <= most):
        raise ValidatorFault(f"{name}: expected one number, got {text[:40]!r}")
    return value


def _read_testlib(exit_code: int, stderr: bytes) -> Finding:
    message = _text(stderr)
    if partial := _PARTIAL.match(message):
        part = int(partial[1])
        if exit_code == part:
            return Finding(part > 0, float(part), judge_message=message)
    if exit_code == 0:
        return Finding(accepted=True, judge_message=message)
    if exit_code in (1, 2, 4, 8):  # wrong, presentation, dirt behind it, unexpected end
        return Finding(accepted=False, judge_message=message)
    points = _POINTS.match(message)
    if exit_code == 7 and points:
        try:
            score = float(points[1])
        except ValueError:
            score = math.nan
        if math.isfinite(score):
            return Finding(score > 0, score, judge_message=message)
    raise ValidatorFault(f"exit code {exit_code}; it said: {message}")


def _text(content: bytes) -> str:
    return content[:4096].decode("utf-8", errors="replace").strip()
