"""The answers of the API as types: what is encoded, and what the description shows."""

from __future__ import annotations

from typing import Any

import msgspec

from judging.problem import Problem
from protocol.messages import LanguageInfo, PromisedRun, PromisedSubmission, Run, Submission

#: Whatever was sent in, looked at later.
Either = Submission | Run
PromisedEither = PromisedSubmission | PromisedRun


class ProblemHead(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in the list."""

    id: str
    title: str
    difficulty: str | None
    tags: tuple[str, ...]


class ProblemList(msgspec.Struct, frozen=True, kw_only=True):
    """All problems."""

    problems: tuple[ProblemHead, ...]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The same text twice."""

    markdown: str
    html: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A test that everybody may see.

    With `interaction`, `output` is a conversation: lines with `<` before them are what the program
    reads, those with `>` what it writes.
    """

    name: str
    input: str
    output: str
    explanation: str | None
    interaction: bool


class ProblemLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one run may use, before a language's overhead and factor."""

    time_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    processes: int
    code_bytes: int | None


class ProblemPage(ProblemHead, frozen=True, kw_only=True):
    """Everything of one problem that solvers may see."""

    statement: Statement
    samples: tuple[Sample, ...]
    limits: ProblemLimits
    languages: tuple[str, ...] | None
    starter: dict[str, str]
    version: str

    @classmethod
    def of(cls, problem: Problem) -> ProblemPage:
        """Return the public part of *problem*: no tests but the samples, no solutions, no paths."""
        limits = problem.limits
        return cls(
            **head_of(problem),
            statement=Statement(markdown=problem.statement_md, html=problem.statement_html),
            samples=tuple(
                Sample(name=each.name, input=each.input, output=each.output,
                       explanation=each.explanation, interaction=each.interaction)
                for each in problem.samples
            ),
            limits=ProblemLimits(
                time_s=limits.time_s,
                wall_s=limits.wall_s,
                memory_bytes=limits.memory_bytes,
                output_bytes=limits.output_bytes,
                processes=limits.processes,
                code_bytes=limits.code_bytes,
            ),
            languages=problem.languages,
            starter=dict(problem.starter),
            version=problem.version,
        )  # fmt: skip


def head_of(problem: Problem) -> dict[str, Any]:
    """Return the fields of `ProblemHead`."""
    return {
        "id": problem.id,
        "title": problem.title,
        "difficulty": problem.difficulty,
        "tags": problem.tags,
    }


class LanguageList(msgspec.Struct, frozen=True, kw_only=True):
    """The languages that living workers offer."""

    languages: tuple[LanguageInfo, ...]


class SubmissionList(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a user's submissions, runs too; `next_cursor` leads to the next one."""

    submissions: tuple[Submission, ...]
    next_cursor: str | None


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """This process handles requests."""

    status: str = "ok"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether each thing that judging needs is there."""

    ready: bool
    checks: dict[str, dict[str, Any]]


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """One field that was refused."""

    field: str
    message: str


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error (RFC 9457). `type` is stable, for programs; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[Wrong, ...] = ()
