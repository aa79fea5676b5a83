"""What `problem.yaml` says, in either version of the format.

Keys that the format does not know are errors in 2025-09, as it wants. In the legacy format, whose
packages carry keys of many tools, only those are that look like a slip of the pen. Keys that say
nothing about judging (authors, licence, sources) are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from judging.document import Section, read_document
from judging.errors import PackageError
from judging.groups import GROUPS_2025, GROUPS_DRAFT, LEGACY_GROUPS, Groups
from judging.languages import Languages
from judging.problem import ProblemLimits, wall_for

#: When a package leaves the time limit to its reference submissions. Long rather than short: a
#: right solution must not be refused because nobody has measured yet.
DEFAULT_TIME_S = 5.0
#: The format's "typical system defaults".
DEFAULT_MEMORY_MIB = 2048
DEFAULT_OUTPUT_MIB = 8
#: The format has no such limit. Enough for programs that use threads or a pipeline.
PROCESSES = 32

_IDLE_2025 = ("version", "credits", "source", "license", "rights_owner", "allow_file_writing")
_IDLE_LEGACY = (
    "uuid",
    "author",
    "source",
    "source_url",
    "license",
    "rights_owner",
    "grading",  # of scoring problems
    "credits",
    "version",
    "libraries",  # old packages name what C and C++ may link
)
#: Of validators, by the format's "typical system defaults".
VALIDATION_TIME_S = 60.0
VALIDATION_MEMORY_MIB = 2048
VALIDATION_OUTPUT_MIB = 8
VALIDATION_PASSES = 2
_MOST_PASSES = 100

_IDLE_DRAFT = ("author", "source_url", "validation", "validator_flags", "scoring", "libraries")
_TYPES_2025 = ("pass-fail", "scoring", "interactive", "multi-pass")
_TYPES_LEGACY = ("pass-fail", "scoring")
#: Names by which a draft of 2025-09 went; its packages differ in the names of few files.
_DRAFTS = ("2023-07-draft", "2023-07", "draft", "2025-09-draft")

#: Limits that are set for all problems alike (compiling), or that tools for authors use.
_IDLE_LIMITS = (
    "time_multipliers",
    "time_multiplier",
    "time_safety_margin",
    "time_resolution",
    "compilation_time",
    "compilation_memory",
)
_CONSTANT = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
#: By these keys the groups of a draft's package are known to be those of the legacy format.
_LEGACY_GRADER = re.compile(r"^(?:grader_flags|accept_score|reject_score|range)\s*:", re.MULTILINE)
_TIME_LIMIT = re.compile(r"^\s*timelimit\s*=\s*['\"]?([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Validation:
    """What one run of the validator may use, and how often a test may run the program."""

    time_s: float
    memory_bytes: int
    output_bytes: int
    passes: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `problem.yaml` and the files that go with it say.

    Attributes:
        legacy: whether it is the older version of the format.
        names: the problem's name by the language of the statement; "" stands for any.
        tags: the keywords.
        limits: what a run may use.
        languages: ids of the languages that may be used, None for all.
        validator_arguments: of the output validator, for all tests.
        constants: names that stand for values.
        statement_directories: where the statements may be, the usual place first.
        custom: whether the package has to have an output validator; None if it may.
        scoring: whether submissions get points.
        interactive: whether the validator talks with the program.
        validation: what a run of the validator may use.
        groups: how groups of tests are configured.
    """

    legacy: bool
    names: Mapping[str, str]
    tags: tuple[str, ...]
    limits: ProblemLimits
    languages: tuple[str, ...] | None
    validator_arguments: tuple[str, ...]
    constants: Mapping[str, str]
    statement_directories: tuple[str, ...]
    groups: Groups
    custom: bool | None
    scoring: bool
    interactive: bool
    validation: Validation

    def title(self, language: str) -> str:
        """Return the problem's name in *language*, or in any; empty if it has none."""
        return self.names.get(language) or next(iter(self.names.values()), "")


def read_metadata(root: Path, languages: Languages) -> Metadata:
    """Read `problem.yaml` of the package at *root*.

    Raises:
        PackageError: it is missing, wrong, or asks for something that we can't do.
    """
    file = root / "problem.yaml"
    if not file.is_file():
        raise PackageError(file, "missing; every package has one")
    document = read_document(file)
    version = document.text("problem_format_version", "legacy")
    if version in ("legacy", "legacy-icpc"):
        metadata = _read_legacy(root, document, languages)
    elif version == "2025-09" or version in _DRAFTS:
        metadata = _read_2025(root, document, languages)
    else:
        document.refuse(
            "problem_format_version", f"expected 2025-09, legacy or legacy-icpc, got {version!r}"
        )
    if metadata.legacy:
        document.refuse_slips()
    else:
        document.refuse_unknown()
    return metadata


def _read_2025(root: Path, document: Section, languages: Languages) -> Metadata:
    types = _types(document, _TYPES_2025)
    if "embargo_until" in document:
        document.refuse("embargo_until", "is not supported; remove it when the day has come")
    for key in ("name", "uuid"):
        if key not in document:
            raise PackageError(document.file, f"{key}: missing; it is required")
    document.raw("uuid")
    document.ignore(_IDLE_2025)
    passes = VALIDATION_PASSES if "multi-pass" in types else 1
    draft = document.text("problem_format_version") in _DRAFTS
    limits, validation = _limits(root, document, passes)
    if draft:
        document.ignore(_IDLE_DRAFT)
    return Metadata(
        legacy=False,
        names=_names(document),
        tags=document.strings("keywords"),
        limits=limits,
        languages=_languages(document, languages),
        validator_arguments=(),
        constants=_constants(document),
        statement_directories=("statement", "problem_statement") if draft else ("statement",),
        groups=_draft_groups(root) if draft else GROUPS_2025,
        custom=True if {"interactive", "multi-pass"}.intersection(types) else None,
        scoring="scoring" in types,
        interactive="interactive" in types,
        validation=validation,
    )


def _draft_groups(root: Path) -> Groups:
    """Return how a draft's package configures groups: early ones did as the legacy format does."""
    files = sorted((root / "data").rglob("testdata.yaml"))
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files)
    return LEGACY_GROUPS if any(map(_LEGACY_GRADER.search, texts)) else GROUPS_DRAFT


def _read_legacy(root: Path, document: Section, languages: Languages) -> Metadata:
    types = _types(document, _TYPES_LEGACY)
    how = document.words("validation") or ("default",)
    # "score" in it says that the validator gives points, which shows when it does.
    known = {"default": {"default"}, "custom": {"custom", "interactive", "score", "multi-pass"}}
    if how[0] not in known or not known[how[0]].issuperset(how):
        document.refuse(
            "validation", "expected default, or custom with any of interactive, score, multi-pass"
        )
    document.ignore(_IDLE_LEGACY)
    limits, validation = _limits(
        root, document, VALIDATION_PASSES if "multi-pass" in how else 1, strict=False
    )
    return Metadata(
        legacy=True,
        names=_names(document),
        tags=document.words("keywords"),
        limits=limits,
        languages=_languages(document, languages),
        validator_arguments=document.words("validator_flags"),
        constants={},
        # Tools that write both formats put the newer directory into legacy packages, too.
        statement_directories=("problem_statement", "statement"),
        groups=LEGACY_GROUPS,
        custom=how[0] == "custom",
        scoring="scoring" in types,
        interactive="interactive" in how,
        validation=validation,
    )


def _types(document: Section, known: tuple[str, ...]) -> tuple[str, ...]:
    types = document.words("type") or ("pass-fail",)
    for kind in types:
        if kind == "submit-answer":
            document.refuse("type", "submit-answer is not supported")
        if kind not in known:
            document.refuse("type", f"expected some of {', '.join(known)}, got {kind!r}")
    if {"pass-fail", "scoring"} <= set(types):
        document.refuse("type", "pass-fail and scoring exclude each other")
    return types


def _names(document: Section) -> dict[str, str]:
    if not isinstance(document.raw("name"), dict):
        name = document.text("name")
        return {"": name} if name else {}
    section = document.section("name")
    names = {language: section.text(language) for language in section}
    # English first, then as written: the first one stands in for languages without a name.
    return dict(sorted(names.items(), key=lambda item: item[0] != "en"))


def _limits(
    root: Path, document: Section, passes: int, *, strict: bool = True
) -> tuple[ProblemLimits, Validation]:
    limits = document.section("limits")
    time_s = limits.number("time_limit") or _time_beside(root)
    memory_mib = limits.number("memory") or DEFAULT_MEMORY_MIB
    output_mib = limits.number("output") or DEFAULT_OUTPUT_MIB
    code_kib = limits.number("code")
    asked = limits.number("validation_passes")
    if asked is not None and passes > 1:
        if not 2 <= asked <= _MOST_PASSES or asked != int(asked):
            limits.refuse("validation_passes", f"expected a whole number from 2 to {_MOST_PASSES}")
        passes = int(asked)
    validation = Validation(
        time_s=float(limits.number("validation_time") or VALIDATION_TIME_S),
        memory_bytes=int((limits.number("validation_memory") or VALIDATION_MEMORY_MIB) * 2**20),
        output_bytes=int((limits.number("validation_output") or VALIDATION_OUTPUT_MIB) * 2**20),
        passes=passes,
    )
    limits.ignore(_IDLE_LIMITS)
    if strict:
        limits.refuse_unknown()
    else:
        limits.refuse_slips()
    return ProblemLimits(
        time_s=float(time_s or DEFAULT_TIME_S),
        wall_s=wall_for(time_s or DEFAULT_TIME_S),
        memory_bytes=int(memory_mib * 2**20),
        output_bytes=int(output_mib * 2**20),
        processes=PROCESSES,
        code_bytes=int(code_kib * 2**10) if code_kib else None,
        time_given=time_s is not None,
    ), validation


def _time_beside(root: Path) -> float | None:
    """Return the time limit from the files in which other judges keep it."""
    for name, pattern in (
        ("domjudge-problem.ini", _TIME_LIMIT),
        (".timelimit", re.compile(r"\s*([0-9.]+)\s*")),
    ):
        file = root / name
        if not file.is_file():
            continue
        found = pattern.search(file.read_text(encoding="utf-8", errors="replace"))
        try:
            return float(found[1]) if found and float(found[1]) > 0 else None
        except ValueError:
            raise PackageError(file, f"expected a number, got {found and found[1]!r}") from None
    return None


def _languages(document: Section, languages: Languages) -> tuple[str, ...] | None:
    """Return our ids of the languages that the package allows; those that we have not are left out.

    None of ours is an error: nobody could solve it.
    """
    codes = document.words("languages")
    if codes in ((), ("all",)):
        return None
    ids = tuple(
        language.id
        for language in languages.values()
        if {language.id, *language.kattis}.intersection(codes)
    )
    if not ids:
        document.refuse("languages", f"none of {', '.join(codes)} is supported")
    return ids


def _constants(document: Section) -> dict[str, str]:
    section = document.section("constants")
    constants = {}
    for name in section:
        value = section.raw(name)
        if not _CONSTANT.fullmatch(name):
            section.refuse(name, f"expected a name like {_CONSTANT.pattern}")
        if isinstance(value, dict):
            if "value" not in value:
                section.refuse(name, "expected a value beside the ways of writing it")
            constants.update(_ways_of_writing(section.section(name), name))
        else:
            constants[name] = _constant(section, name)
    return constants


def _ways_of_writing(section: Section, name: str) -> dict[str, str]:
    """Return a constant that has several ways of writing it: `{{name}}` and `{{name.WAY}}`."""
    ways = {f"{name}.{way}": _constant(section, way) for way in section}
    return {name: ways[f"{name}.value"], **ways}


def _constant(section: Section, name: str) -> str:
    value = section.raw(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        section.refuse(name, f"expected a number or a string, got {value!r}")
    return str(value)
