"""What a problem is, once its package has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from judging.checkers.custom import Interface
from judging.checkers.flags import ValidatorFlags
from judging.files import fill_constants
from judging.function import Function
from judging.grading import Grading, PassFail
from judging.programs import PackageProgram


@dataclass(frozen=True, slots=True)
class TestCase:
    """One run of a submission.

    Attributes:
        name: the input's path below `data`, without extension: "sample/1", "secret/03-big".
        input: what the program reads.
        answer: what its output is compared with; it never enters a cell.
        sample: whether everybody may see it.
        validator: how the default validator compares the output. Groups of tests may differ in it.
        validator_arguments: what a validator of the package's own is called with, besides files.
        input_arguments: what input validators are called with, by their names; "" stands for all.
        arguments: what the program is called with.
        files: what lies in the program's folder, by name.
    """

    # pytest must not take it for a test class.
    __test__ = False

    name: str
    input: Path
    answer: Path
    sample: bool
    validator: ValidatorFlags = field(default_factory=ValidatorFlags)
    validator_arguments: tuple[str, ...] = ()
    input_arguments: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    arguments: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))


class Content(Protocol):
    """Where the files of tests are read from: their package, or what was kept of it."""

    def size(self, file: Path) -> int:
        """Return how many bytes *file* has."""

    def read(self, file: Path) -> bytes:
        """Return what is in *file*."""


class InPackage:
    """The files as they lie in the package at the moment."""

    def size(self, file: Path) -> int:
        """Return how many bytes *file* has now."""
        return file.stat().st_size

    def read(self, file: Path) -> bytes:
        """Return what is in *file* now."""
        return file.read_bytes()


@dataclass(frozen=True, slots=True)
class ProblemLimits:
    """What one run may use, before a language's overhead and factor.

    Attributes:
        time_s: CPU time.
        wall_s: wall clock time, see `wall_for`.
        memory_bytes: memory of all its processes together.
        output_bytes: what it may write to standard output.
        processes: processes and threads; a run gets the larger of this and the language's.
        code_bytes: the size of a submission; None leaves it to the judge.
        time_given: whether the package says the time limit, or the default stands in for it.
    """

    time_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    processes: int
    code_bytes: int | None = None
    time_given: bool = True


@dataclass(frozen=True, slots=True)
class OutputValidator:
    """A package's own program that tells whether an output is right.

    Attributes:
        program: its sources.
        interface: how it is called and answers.
        interactive: whether it runs beside the program and talks with it.
        passes: how often the program may be run on one test.
        time_s: CPU time of one run of it.
        memory_bytes: memory of one run of it.
        output_bytes: what it may write in one run.
    """

    program: PackageProgram
    interface: Interface
    interactive: bool
    passes: int
    time_s: float
    memory_bytes: int
    output_bytes: int


def wall_for(time_s: float) -> float:
    """Return the wall clock limit that goes with a CPU time limit.

    Generous, since it is there for programs that sleep: a busy machine or a cold disk must never
    turn a right solution into an idle one.
    """
    return 3 * time_s + 2


@dataclass(frozen=True, slots=True)
class Sample:
    """What the statement shows of a test, or of a conversation between program and validator.

    Attributes:
        name: that of its `TestCase`, should it be one.
        input: what the program reads; empty where a conversation is shown.
        output: what it should write; lines of a conversation begin with `<` for what the program
            reads and with `>` for what it writes, and `---` stands between passes.
        explanation: in Markdown.
        interaction: whether *output* is a conversation.
    """

    name: str
    input: str
    output: str
    explanation: str | None = None
    interaction: bool = False


@dataclass(frozen=True, slots=True)
class ReferenceSubmission:
    """A solution, right or wrong, that comes with the package.

    Attributes:
        path: a file, or a directory whose files belong together.
        language: the id of its language, None if that is not clear or not one of ours.
        expected: the verdicts that it may get, any of them. As judging stops at the first failure,
            these are the verdicts of that failure.
        entry: the file it starts with, when the package says.
        score: the least and the most points that it may get, when the package says.
    """

    path: Path
    language: str | None
    expected: tuple[str, ...]
    entry: str | None = None
    score: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that can be judged.

    Attributes:
        id: the name of the package's directory.
        title: the problem's name, in English if there is one.
        difficulty: "easy", "medium" or "hard"; None if the package does not say.
        tags: the package's keywords.
        statement_md: the statement in Markdown, without title and samples.
        statement_html: the same in HTML; raw HTML of the source is shown, never passed on.
        limits: what a run may use.
        tests: in judging order, samples first.
        samples: the tests that the statement shows.
        starter: code to begin with, by language id.
        validator: how outputs are compared where a test does not say otherwise.
        version: changes when anything in the package does.
        path: the package's directory.
        submissions: the solutions that come with it.
        languages: ids of the languages that may be used; None means any.
        constants: names that stand for values in statement and reference submissions.
        function: what people write, where that is no whole program.
        output_validator: the package's own; None stands for the default one.
        grading: which tests count, and what their results come to.
        included: what is put beside every submission, by language id and file name; those under
            "" are for languages that have none of their own.
        content: what reads the files of `tests`. By default they are those that lie in the package
            when they are read; a judge that outlives its packages keeps them.
    """

    id: str
    title: str
    difficulty: str | None
    tags: tuple[str, ...]
    statement_md: str
    statement_html: str
    limits: ProblemLimits
    tests: tuple[TestCase, ...]
    samples: tuple[Sample, ...]
    starter: Mapping[str, str]
    validator: ValidatorFlags
    version: str
    path: Path
    submissions: tuple[ReferenceSubmission, ...]
    languages: tuple[str, ...] | None = None
    constants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    function: Function | None = None
    output_validator: OutputValidator | None = None
    grading: Grading = field(default_factory=PassFail)
    included: Mapping[str, Mapping[str, bytes]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    content: Content = field(default_factory=InPackage)

    def included_for(self, language_id: str) -> Mapping[str, bytes]:
        """Return the files that are put beside a submission in this language."""
        return self.included.get(language_id) or self.included.get("", {})

    def sources_of(self, submission: ReferenceSubmission) -> dict[str, str]:
        """Return the files of one of the problem's submissions by name, constants filled in.

        Raises:
            OSError: it went away.
            UnicodeDecodeError: a file is not UTF-8.
        """
        path = submission.path
        files = [path] if path.is_file() else sorted(f for f in path.iterdir() if f.is_file())
        return {
            file.name: fill_constants(file.read_text(encoding="utf-8"), self.constants)
            for file in files
            if not file.name.startswith((".", "-"))
        }
