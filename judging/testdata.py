"""The tests of a package: which there are, in which order, how each is compared and what it counts.

Both versions of the format walk the same way through `data/sample` and `data/secret`; they differ
in the name and the keys of the files that configure a group, see `judging.groups`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from judging.checkers.flags import ValidatorFlags, parse_flags
from judging.errors import PackageError
from judging.files import is_ignored
from judging.graders import Group, LegacyGrading
from judging.grading import Grading, PassFail
from judging.groups import Groups, GroupSettings
from judging.points import PASS_FAIL, SUM, PointGrading, PointGroup
from judging.problem import Sample, TestCase

#: What the format lets a scoring problem give when it does not say.
_MAX_SCORE = 100.0


@dataclass(frozen=True, slots=True)
class TestGroup:
    """One directory of tests.

    Attributes:
        name: its path below `data`; "." for `data` itself.
        settings: what configures it.
        items: the numbers of its tests, and the groups in it, in judging order.
    """

    # pytest must not take it for a test class.
    __test__ = False

    name: str
    settings: GroupSettings
    items: tuple[TestGroup | int, ...]

    def tests(self) -> tuple[int, ...]:
        """Return the numbers of all tests in it and below."""
        return tuple(
            number
            for item in self.items
            for number in ((item,) if isinstance(item, int) else item.tests())
        )

    def groups(self) -> tuple[TestGroup, ...]:
        """Return the groups directly in it."""
        return tuple(item for item in self.items if isinstance(item, TestGroup))


@dataclass(frozen=True, slots=True)
class TestData:
    """All tests of a package in judging order, samples first, and the tree that they are in."""

    __test__ = False

    tests: tuple[TestCase, ...]
    root: TestGroup


@dataclass(frozen=True, slots=True)
class ReadAs:
    """What a reader of tests has to know of the package.

    Attributes:
        groups: how groups are configured in its version of the format.
        arguments: of the validator, for all tests; those of a group come after them.
        default_validator: whether these arguments are of the default validator.
        conversations: whether samples may be shown as conversations.
    """

    groups: Groups
    arguments: tuple[str, ...] = ()
    default_validator: bool = True
    conversations: bool = False


def read_tests(root: Path, how: ReadAs) -> TestData:
    """Return the tests of the package at *root*.

    Raises:
        PackageError: an answer is missing, a group is wrongly configured, or there are no tests.
    """
    reader = _Reader(root.resolve(), root / "data", how)
    own = how.groups.settings_of(reader.data, GroupSettings(reader.data / how.groups.files[0]))
    sample = reader.walk(reader.data / "sample", own)
    secret = reader.walk(reader.data / "secret", own)
    if not reader.tests:
        raise PackageError(
            reader.data / "secret", "expected at least one test (NAME.in and NAME.ans)"
        )
    items = (sample, secret) if sample.tests() else (secret,)
    return TestData(tuple(reader.tests), TestGroup(".", own, items))


def read_samples(
    root: Path, data: TestData, how: ReadAs, explanations: Mapping[str, str]
) -> tuple[Sample, ...]:
    """Return what the statement shows of the sample tests.

    `NAME.interaction`, or `NAME.in.statement`, `NAME.ans.statement` and `NAME.out`, are shown in
    place of the test's files. There may be conversations that belong to no test.
    """
    folder = root / "data" / "sample"
    bases = {test.name: test.input.with_suffix("") for test in data.tests if test.sample}
    if how.conversations and folder.is_dir():
        for path in folder.rglob("*.interaction"):
            if not is_ignored(path.name):
                base = path.with_suffix("")
                bases.setdefault(f"sample/{base.relative_to(folder).as_posix()}", base)
    return tuple(
        _sample(name, base, how, explanations.get(name.removeprefix("sample/")))
        for name, base in sorted(bases.items())
    )


def _sample(name: str, base: Path, how: ReadAs, explanation: str | None) -> Sample:
    spoken = _first(base, ".interaction") if how.conversations else None
    if spoken is not None:
        return Sample(name, "", _text(spoken), explanation, interaction=True)
    shown_in, shown_out = (
        _first(base, ".in.statement", ".in"),
        _first(base, ".ans.statement", ".out", ".ans"),
    )
    assert shown_in is not None  # it is a test
    assert shown_out is not None
    return Sample(name, _text(shown_in), _text(shown_out), explanation)


@dataclass(slots=True)
class _Reader:
    """Walks through the directories of one package and gathers its tests."""

    root: Path
    data: Path
    how: ReadAs
    tests: list[TestCase] = field(default_factory=list)

    def walk(self, directory: Path, above: GroupSettings) -> TestGroup:
        """Gather the tests of *directory* and below, by name."""
        name = directory.relative_to(self.data).as_posix()
        if not directory.is_dir():
            return TestGroup(name, above, ())
        settings = self.how.groups.settings_of(directory, above)
        items = tuple(
            self.walk(path, settings) if path.is_dir() else self._case(path, settings)
            for path in self._items(directory)
        )
        return TestGroup(name, settings, items)

    def _items(self, directory: Path) -> Iterator[Path]:
        found = {path.name: path for path in directory.iterdir() if not is_ignored(path.name)}
        for name, path in found.items():
            if name.endswith((".ans", ".files")) and f"{path.stem}.in" not in found:
                raise PackageError(path, f"has no {path.stem}.in beside it")
        items = [
            path
            for path in found.values()
            if (path.is_dir() and path.suffix != ".files") or path.suffix == ".in"
        ]
        folders = sum(path.is_dir() for path in items)
        if self.how.groups.flat and 0 < folders < len(items):
            raise PackageError(directory, "holds both tests and groups; expected one or the other")
        yield from sorted(items, key=lambda path: path.name.removesuffix(".in"))

    def _case(self, path: Path, above: GroupSettings) -> int:
        answer = path.with_suffix(".ans")
        for file in (path, answer):
            if not file.is_file():
                raise PackageError(file, f"expected a file: {path.name} needs its answer")
            self._check_inside(file)
        settings = self.how.groups.settings_of_case(path, above)
        name = path.relative_to(self.data).with_suffix("").as_posix()
        arguments = (*self.how.arguments, *settings.validator_arguments)
        flags = ValidatorFlags()
        if self.how.default_validator:
            flags = validator_flags(settings.file, arguments)
        self.tests.append(
            TestCase(
                name=name,
                input=path,
                answer=answer,
                sample=name.startswith("sample/"),
                validator=flags,
                validator_arguments=arguments,
                input_arguments=settings.input_arguments,
                arguments=settings.arguments,
                files=self._files(path.with_suffix(".files")),
            )
        )
        return len(self.tests) - 1

    def _files(self, directory: Path) -> dict[str, Path]:
        """Return what lies beside the program in a test."""
        if not directory.is_dir():
            return {}
        files = {path.name: path for path in sorted(directory.iterdir())}
        for path in files.values():
            if not path.is_file():
                raise PackageError(path, "expected a file; folders in .files are not supported")
            self._check_inside(path)
        return files

    def _check_inside(self, file: Path) -> None:
        if not file.resolve().is_relative_to(self.root):
            raise PackageError(file, "is a link out of the package")


def validator_flags(file: Path, arguments: tuple[str, ...]) -> ValidatorFlags:
    """Read the default validator's *arguments*; *file* is blamed for what is wrong with them."""
    try:
        return parse_flags(arguments)
    except ValueError as exc:
        raise PackageError(file, f"arguments of the output validator: {exc}") from exc


def legacy_grading(data: TestData, *, scoring: bool) -> Grading:
    """Return the grading of a package in the legacy format."""
    return LegacyGrading(_graded(data.root), scoring)


def _graded(group: TestGroup) -> Group:
    items = (item if isinstance(item, int) else _graded(item) for item in group.items)
    return Group(group.settings.grader, tuple(items))


def grading_2025(data: TestData, *, scoring: bool) -> Grading:
    """Return the grading of a package in format 2025-09.

    Raises:
        PackageError: what its groups say of points contradicts the format.
    """
    secret = data.root.groups()[-1]
    if not scoring:
        return PassFail()
    sample = data.root.groups()[0].tests() if len(data.root.items) > 1 else ()
    whole = _point_group(secret, SUM, _MAX_SCORE)
    if not whole.tests:
        raise PackageError(secret.settings.file.parent, "expected at least one test to give points")
    groups = secret.groups()
    inner = tuple(_point_group(group, PASS_FAIL, None) for group in groups)
    _check_points(whole, groups, inner)
    return PointGrading(sample, whole, inner)


def _point_group(group: TestGroup, aggregation: str, max_score: float | None) -> PointGroup:
    about = group.settings
    most = max_score if isinstance(about.max_score, str) else about.max_score
    return PointGroup(
        group.name, group.tests(), about.aggregation or aggregation, most, about.require_pass
    )


def _check_points(
    secret: PointGroup, groups: Sequence[TestGroup], inner: Sequence[PointGroup]
) -> None:
    known = {"sample", *(group.name for group in inner)}
    for group, points in zip(groups, inner, strict=True):
        file = group.settings.file
        if points.max_score is None and (
            points.aggregation == PASS_FAIL or secret.max_score is not None
        ):
            raise PackageError(file, "max_score: missing; the group needs the points that it gives")
        if not points.tests:
            raise PackageError(file.parent, "expected at least one test in the group")
        for name in points.require_pass:
            if name not in known:
                raise PackageError(file, f"require_pass: there is no group {name}")


def _first(base: Path, *suffixes: str) -> Path | None:
    candidates = (base.parent / (base.name + suffix) for suffix in suffixes)
    return next((path for path in candidates if path.is_file()), None)


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="backslashreplace")
