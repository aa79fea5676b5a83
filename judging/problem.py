"""What a problem is, once its package has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from judging.checkers.flags import ValidatorFlags
from judging.function import Function


@dataclass(frozen=True, slots=True)
class TestCase:
    """One run of a submission.

    Attributes:
        name: the input's path below `data`, without extension: "sample/1", "secret/03-big".
        input: what the program reads.
        answer: what its output is compared with; it never enters a cell.
        sample: whether everybody may see it.
        validator: how the output is compared. Groups of tests may differ in it.
    """

    # pytest must not take it for a test class.
    __test__ = False

    name: str
    input: Path
    answer: Path
    sample: bool
    validator: ValidatorFlags = field(default_factory=ValidatorFlags)


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


def wall_for(time_s: float) -> float:
    """Return the wall clock limit that goes with a CPU time limit.

    Generous, since it is there for programs that sleep: a busy machine or a cold disk must never
    turn a right solution into an idle one.
    """
    return 3 * time_s + 2


@dataclass(frozen=True, slots=True)
class Sample:
    """A test that the statement shows. `name` is that of its `TestCase`."""

    name: str
    input: str
    output: str
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceSubmission:
    """A solution, right or wrong, that comes with the package.

    Attributes:
        path: a file, or a directory whose files belong together.
        language: the id of its language, None if that is not clear or not one of ours.
        expected: the verdicts that it may get, any of them. As judging stops at the first failure,
            these are the verdicts of that failure.
        entry: the file it starts with, when the package says.
    """

    path: Path
    language: str | None
    expected: tuple[str, ...]
    entry: str | None = None


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


def fill_constants(text: str, constants: Mapping[str, str]) -> str:
    """Replace `{{name}}` by its value; other things in double braces stay as they are."""
    for name, value in constants.items():
        text = text.replace("{{" + name + "}}", value)
    return text
