"""The tests of a package: which there are, in which order, and how each is compared.

Both versions of the format walk the same way through `data/sample` and `data/secret`; they differ
in the name and the keys of the files that configure a group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from judging.checkers.flags import ValidatorFlags, parse_flags
from judging.document import Section, read_document
from judging.errors import PackageError
from judging.problem import Sample, TestCase

_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}")

#: What only people and scoring problems care about.
_IDLE_LEGACY = ("on_reject", "input_validator_flags", "accept_score", "reject_score", "range")
_IDLE_GROUP = (
    "max_score",
    "score_aggregation",
    "require_pass",
    "input_validator_args",
    "input_visualizer_args",
    "output_visualizer_args",
    "full_feedback",
)
_IDLE_CASE = (
    "input_validator_args",
    "input_visualizer_args",
    "output_visualizer_args",
    "full_feedback",
    "hint",
    "description",
)
#: Graders that never turn a failed test into an accepted submission.
_PLAIN_GRADERS = frozenset({"worst_error", "first_error", "sum", "avg", "min", "max"})


@dataclass(frozen=True, slots=True)
class Groups:
    """How one version of the format configures groups of tests.

    Attributes:
        file: the name of a group's configuration.
        read: turns it into the validator's arguments, None if it names none.
        cases: whether a single test may have a configuration, too.
        flat: whether a directory holds tests or groups, never both.
    """

    file: str
    read: Callable[[Section], tuple[str, ...] | None]
    cases: bool
    flat: bool


def is_ignored(name: str) -> bool:
    """Tell whether the format wants files of this name to be overlooked."""
    return not _NAME.fullmatch(name)


def read_tests(root: Path, groups: Groups, arguments: tuple[str, ...]) -> tuple[TestCase, ...]:
    """Return all tests of the package at *root*, samples first, each kind in the format's order.

    Args:
        root: the package.
        groups: how its version configures them.
        arguments: of the validator, for all tests; those of a group come after them.

    Raises:
        PackageError: an answer is missing, a group is wrongly configured, or there are no tests.
    """
    data = root / "data"
    reader = _Reader(root.resolve(), data, groups, arguments)
    own = reader.arguments_in(data, ())
    tests = [*reader.walk(data / "sample", own), *reader.walk(data / "secret", own)]
    if all(test.sample for test in tests):
        raise PackageError(data / "secret", "expected at least one test (NAME.in and NAME.ans)")
    return tuple(tests)


def read_samples(
    tests: tuple[TestCase, ...], explanations: Mapping[str, str]
) -> tuple[Sample, ...]:
    """Return what the statement shows of the sample tests.

    `NAME.in.statement`, `NAME.ans.statement` and `NAME.out` are shown in place of the test's files.
    """
    samples = []
    for test in tests:
        if not test.sample:
            continue
        base = test.input.with_suffix("")
        shown_in = _first(base, ".in.statement") or test.input
        shown_out = _first(base, ".ans.statement", ".out") or test.answer
        explanation = explanations.get(test.name.removeprefix("sample/"))
        samples.append(Sample(test.name, _text(shown_in), _text(shown_out), explanation))
    return tuple(samples)


class _Reader:
    """Walks through the directories of one package."""

    def __init__(self, root: Path, data: Path, groups: Groups, arguments: tuple[str, ...]) -> None:
        self._root = root
        self._data = data
        self._groups = groups
        self._common = arguments

    def arguments_in(self, directory: Path, inherited: tuple[str, ...]) -> tuple[str, ...]:
        """Return the validator's arguments in *directory*."""
        file = directory / self._groups.file
        if not file.is_file():
            return inherited
        own = self._groups.read(read_document(file))
        return inherited if own is None else own

    def walk(self, directory: Path, inherited: tuple[str, ...]) -> Iterator[TestCase]:
        """Yield the tests of *directory* and below, by name."""
        if not directory.is_dir():
            return
        arguments = self.arguments_in(directory, inherited)
        found = {path.name: path for path in directory.iterdir() if not is_ignored(path.name)}
        self._check_names(found)
        items = [path for path in found.values() if path.is_dir() or path.suffix == ".in"]
        directories = [path for path in items if path.is_dir()]
        if self._groups.flat and 0 < len(directories) < len(items):
            raise PackageError(directory, "holds both tests and groups; expected one or the other")
        for path in sorted(items, key=lambda path: path.name.removesuffix(".in")):
            if path.is_dir():
                yield from self.walk(path, arguments)
            else:
                yield self._case(path, arguments)

    def _check_names(self, found: Mapping[str, Path]) -> None:
        for name, path in found.items():
            if name.endswith((".files", ".interaction")):
                raise PackageError(path, f"{path.suffix} is not supported yet")
            if name.endswith(".ans") and name[:-4] + ".in" not in found:
                raise PackageError(path, f"has no {name[:-4]}.in beside it")

    def _case(self, path: Path, arguments: tuple[str, ...]) -> TestCase:
        answer = path.with_suffix(".ans")
        for file in (path, answer):
            if not file.is_file():
                raise PackageError(file, f"expected a file: {path.name} needs its answer")
            if not file.resolve().is_relative_to(self._root):
                raise PackageError(file, "is a link out of the package")
        name = path.relative_to(self._data).with_suffix("").as_posix()
        flags = self._flags(path, arguments)
        return TestCase(name, path, answer, name.startswith("sample/"), flags)

    def _flags(self, path: Path, arguments: tuple[str, ...]) -> ValidatorFlags:
        file = path.with_suffix(".yaml")
        if self._groups.cases and file.is_file():
            own = _read_args(read_document(file), _IDLE_CASE)
            arguments = arguments if own is None else own
        else:
            file = path.parent / self._groups.file
        return validator_flags(file, (*self._common, *arguments))


def validator_flags(file: Path, arguments: tuple[str, ...]) -> ValidatorFlags:
    """Read the validator's *arguments*; *file* is blamed for what is wrong with them."""
    try:
        return parse_flags(arguments)
    except ValueError as exc:
        raise PackageError(file, f"arguments of the output validator: {exc}") from exc


def _read_legacy(group: Section) -> tuple[str, ...] | None:
    """Read a `testdata.yaml`. It replaces that of the directory above as a whole."""
    if group.text("grading", "default") != "default":
        group.refuse("grading", "custom graders are not supported yet")
    for flag in group.words("grader_flags"):
        if flag not in _PLAIN_GRADERS:
            group.refuse("grader_flags", f"{flag} is not supported yet")
    flags = group.words("output_validator_flags")
    group.ignore(_IDLE_LEGACY)
    group.refuse_unknown()
    return flags


def _read_group(group: Section) -> tuple[str, ...] | None:
    """Read a `test_group.yaml`."""
    for key in ("static_validation_score", "static_validator_args"):
        if group.raw(key) is not None:
            group.refuse(key, "static validators are not supported yet")
    return _read_args(group, _IDLE_GROUP)


def _read_args(config: Section, idle: tuple[str, ...]) -> tuple[str, ...] | None:
    if config.strings("args"):
        config.refuse("args", "arguments for submissions are not supported yet")
    named = "output_validator_args" in config
    own = config.strings("output_validator_args")
    config.ignore(idle)
    config.refuse_unknown()
    return own if named else None


def _first(base: Path, *suffixes: str) -> Path | None:
    candidates = (base.parent / (base.name + suffix) for suffix in suffixes)
    return next((path for path in candidates if path.is_file()), None)


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="backslashreplace")


LEGACY_GROUPS = Groups("testdata.yaml", _read_legacy, cases=False, flat=False)
GROUPS_2025 = Groups("test_group.yaml", _read_group, cases=True, flat=True)
