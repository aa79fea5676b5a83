"""What configures a group of tests: `testdata.yaml` (legacy) and `test_group.yaml` (2025-09)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from judging.document import Section, read_document
from judging.graders import FLAGS, PLAIN, Grader
from judging.points import MIN, PASS_FAIL, SUM

#: What only people and tools for authors care about.
_IDLE_LEGACY = ("range",)
_IDLE_GROUP = (
    "input_visualizer_args",
    "output_visualizer_args",
    "full_feedback",
)
_IDLE_DRAFT = (
    "output_validator_flags",
    "input_validator_flags",
    "on_reject",
    "grading",
    "grader_flags",
    "accept_score",
    "reject_score",
    "range",
    "scoring",
)
_IDLE_CASE = (*_IDLE_GROUP, "hint", "description")


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """What holds for the tests of one directory.

    Attributes:
        file: what is to blame for it, be it there or not.
        validator_arguments: of the output validator.
        input_arguments: of input validators, by their names; "" stands for all.
        arguments: of the program.
        grader: in the legacy format.
        aggregation: how points are put together, in 2025-09; None is the default.
        max_score: the most points that the group may give: a number, None without bound, and
            "default" if the file does not say.
        require_pass: the names of groups without whose passing this one gives no points.
    """

    file: Path
    validator_arguments: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    grader: Grader = PLAIN
    aggregation: str | None = None
    max_score: float | str | None = "default"
    require_pass: tuple[str, ...] = ()
    input_arguments: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )


@dataclass(frozen=True, slots=True)
class Groups:
    """How one version of the format configures groups of tests.

    Attributes:
        files: the names of a group's configuration, the usual one first.
        read: turns it into settings; it is given those of the directory above.
        cases: whether a single test may have a configuration, too.
        flat: whether a directory holds tests or groups, never both.
    """

    files: tuple[str, ...]
    read: Callable[[Section, GroupSettings], GroupSettings]
    cases: bool
    flat: bool

    def settings_of(self, directory: Path, above: GroupSettings) -> GroupSettings:
        """Return what holds in *directory*; *above* if it says nothing itself.

        Raises:
            PackageError: its configuration is wrong.
        """
        for name in self.files:
            if (directory / name).is_file():
                return self.read(read_document(directory / name), above)
        return self.read(read_document(directory / self.files[0]), above) if self.cases else above

    def settings_of_case(self, test: Path, above: GroupSettings) -> GroupSettings:
        """Return what holds for the test whose input is *test*."""
        file = test.with_suffix(".yaml")
        if not self.cases or not file.is_file():
            return above
        case = read_document(file)
        settings = _read_arguments(case, above)
        case.ignore(_IDLE_CASE)
        case.refuse_unknown()
        return settings


def _read_legacy(group: Section, _above: GroupSettings) -> GroupSettings:
    """Read a `testdata.yaml`. It replaces that of the directory above as a whole."""
    if group.text("grading", "default") != "default":
        group.refuse("grading", "custom graders are not supported")
    flags = group.words("grader_flags")
    for flag in flags:
        if flag not in FLAGS:
            group.refuse("grader_flags", f"expected some of {', '.join(sorted(FLAGS))}, got {flag}")
    on_reject = group.text("on_reject", "break")
    if on_reject not in ("break", "continue"):
        group.refuse("on_reject", f"expected break or continue, got {on_reject!r}")
    accept, reject = group.any_number("accept_score"), group.any_number("reject_score")
    grader = Grader(
        flags,
        on_reject == "break",
        1.0 if accept is None else accept,
        0.0 if reject is None else reject,
    )
    arguments = _legacy_arguments(group)
    inputs = _input_arguments(group, "input_validator_flags", Section.words)
    group.ignore(_IDLE_LEGACY)
    group.refuse_unknown()
    return GroupSettings(group.file, arguments, grader=grader, input_arguments=inputs)


def _legacy_arguments(group: Section) -> tuple[str, ...]:
    if isinstance(group.raw("output_validator_flags"), dict):
        named = group.section("output_validator_flags")
        named.ignore(["name"])
        return named.words("flags")
    return group.words("output_validator_flags")


def _read_group(group: Section, above: GroupSettings) -> GroupSettings:
    """Read a `test_group.yaml`: arguments are those of the directory above unless it says more."""
    for key in ("static_validation_score", "static_validator_args"):
        if group.raw(key) is not None:
            group.refuse(key, "static validators are not supported")
    settings = _read_arguments(group, above)
    aggregation = group.text("score_aggregation") or None
    if aggregation not in (None, PASS_FAIL, SUM, MIN):
        group.refuse("score_aggregation", f"expected {PASS_FAIL}, {SUM} or {MIN}")
    max_score: float | str | None = "default"
    if group.raw("max_score") == "unbounded":
        max_score = None
    elif "max_score" in group:
        max_score = group.any_number("max_score")
        if not isinstance(max_score, int | float) or max_score < 0:
            group.refuse("max_score", "expected a number >= 0, or unbounded")
    require_pass = group.raw("require_pass")
    required = (require_pass,) if isinstance(require_pass, str) else group.strings("require_pass")
    group.ignore(_IDLE_GROUP)
    group.refuse_unknown()
    return GroupSettings(
        group.file,
        settings.validator_arguments,
        settings.arguments,
        aggregation=aggregation,
        max_score=max_score,
        require_pass=required,
        input_arguments=settings.input_arguments,
    )


def _read_arguments(config: Section, above: GroupSettings) -> GroupSettings:
    def own(key: str, inherited: tuple[str, ...]) -> tuple[str, ...]:
        return config.strings(key) if key in config else inherited

    inputs = above.input_arguments
    if "input_validator_args" in config:
        inputs = _input_arguments(config, "input_validator_args", Section.strings)
    return GroupSettings(
        config.file,
        own("output_validator_args", above.validator_arguments),
        own("args", above.arguments),
        input_arguments=inputs,
    )


def _input_arguments(
    config: Section, key: str, read: Callable[[Section, str], tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return what stands for all input validators, or for each by its name."""
    if not isinstance(config.raw(key), dict):
        return {"": read(config, key)}
    named = config.section(key)
    return {name: read(named, name) for name in named}


LEGACY_GROUPS = Groups(("testdata.yaml",), _read_legacy, cases=False, flat=False)
GROUPS_2025 = Groups(("test_group.yaml",), _read_group, cases=True, flat=True)


def _read_draft(group: Section, above: GroupSettings) -> GroupSettings:
    """Read a group of the draft: as in 2025-09, or with the flags of the legacy format in it."""
    group.ignore(_IDLE_DRAFT)
    settings = _read_group(group, above)
    if "output_validator_flags" in group:
        return replace(settings, validator_arguments=_legacy_arguments(group))
    return settings


GROUPS_DRAFT = Groups(("test_group.yaml", "testdata.yaml"), _read_draft, cases=True, flat=False)
