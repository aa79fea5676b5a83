"""The reference submissions of a package: which there are, and what each must be judged as.

The format speaks of the set of verdicts over all tests: those *permitted*, and those of which one
is *required*. Judging stops at the first failure, so a submission's verdict is that of its first
failing test: any permitted one but accepted, unless accepted is enough.

The format knows four verdicts; ours are finer. Its TLE is our time and idle limit, its RTE our
crashes, memory and output limit. Besides its directories, those that DOMjudge and we use for what
it has no word for are known: `compile_error`, `memory_limit_exceeded` and others, see `_OWN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from judging.document import Section, read_document
from judging.files import is_ignored
from judging.languages import Languages, language_of
from judging.problem import ReferenceSubmission
from judging.verdict import Verdict

_CODES: Mapping[str, tuple[Verdict, ...]] = {
    "AC": (Verdict.ACCEPTED,),
    "WA": (Verdict.WRONG_ANSWER,),
    "TLE": (Verdict.TIME_LIMIT_EXCEEDED, Verdict.IDLE_LIMIT_EXCEEDED),
    "RTE": (
        Verdict.RUNTIME_ERROR,
        Verdict.MEMORY_LIMIT_EXCEEDED,
        Verdict.OUTPUT_LIMIT_EXCEEDED,
    ),
}
_ANY = tuple(_CODES)

#: (permitted, required) of the format's directories.
_DEFAULTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "accepted": (("AC",), _ANY),
    "rejected": (_ANY, ("RTE", "TLE", "WA")),
    "wrong_answer": (("AC", "WA"), ("WA",)),
    "time_limit_exceeded": (("AC", "TLE"), ("TLE",)),
    "run_time_error": (("AC", "RTE"), ("RTE",)),
    "brute_force": (("AC", "RTE", "TLE"), ("RTE", "TLE")),
}
_DEFAULTS_LEGACY = {
    **_DEFAULTS,
    "time_limit_exceeded": (("AC", "WA", "TLE"), ("TLE",)),
    "partially_accepted": (("AC",), ("AC",)),
}

#: Directories for verdicts that the format does not tell apart. The names are ours but for
#: `compiler_error` and `output_limit`, which are DOMjudge's.
_OWN: Mapping[str, tuple[Verdict, ...]] = {
    "compile_error": (Verdict.COMPILE_ERROR,),
    "compiler_error": (Verdict.COMPILE_ERROR,),
    "idle_limit_exceeded": (Verdict.IDLE_LIMIT_EXCEEDED,),
    "memory_limit_exceeded": (Verdict.MEMORY_LIMIT_EXCEEDED,),
    "output_limit_exceeded": (Verdict.OUTPUT_LIMIT_EXCEEDED,),
    "output_limit": (Verdict.OUTPUT_LIMIT_EXCEEDED,),
}

#: What shares its extension with a language of ours, and is none: Python 2 and Prolog.
_OTHERS: Mapping[str, re.Pattern[bytes]] = {
    ".py": re.compile(rb"\A#!.*python2"),
    ".pl": re.compile(rb"^(?:[a-z]\w*(?:\(.*\))?\s*)?:-", re.MULTILINE),
}
#: Keys of a glob that say nothing about the verdict over all tests.
_IDLE = frozenset({"authors", "model_solution", "message", "use_for_time_limit"})


def read_submissions(
    root: Path, languages: Languages, *, legacy: bool
) -> tuple[ReferenceSubmission, ...]:
    """Return the reference submissions of the package at *root*, by path.

    Raises:
        PackageError: `submissions.yaml` is wrong.
    """
    top = root / "submissions"
    rules = _read_rules(read_document(top / "submissions.yaml"))
    defaults = _DEFAULTS_LEGACY if legacy else _DEFAULTS
    submissions = []
    for directory in _entries(top):
        for path in _entries(directory) if directory.is_dir() else ():
            own = [rule for pattern, rule in rules if _matches(pattern, path.relative_to(top))]
            merged = dict(chain.from_iterable(rule.items() for rule in own))
            language = merged.get("language") or _language(path, languages)
            submissions.append(
                ReferenceSubmission(
                    path=path,
                    language=_own_id(language, languages),
                    expected=_expected(directory.name, merged, defaults),
                    entry=merged.get("entrypoint"),
                    score=merged.get("score"),
                )
            )
    return tuple(submissions)


def _entries(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not is_ignored(path.name))


def _read_rules(document: Section) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Read `submissions.yaml`: what holds for the submissions that a pattern matches."""
    rules = []
    for glob in document:
        section = document.section(glob)
        rule: dict[str, Any] = {}
        for key in ("language", "entrypoint"):
            if key in section:
                rule[key] = section.text(key)
        for key in ("permitted", "required"):
            if key in section:
                rule[key] = section.strings(key)
                if not set(rule[key]) <= set(_CODES):
                    section.refuse(key, f"expected some of {', '.join(_CODES)}")
        if "score" in section:
            rule["score"] = _score_range(section)
        # What is left are requirements on single groups of tests, which the overall verdict does
        # not show.
        section.ignore([key for key in section if key in _IDLE or "/" in key or key == "sample"])
        section.ignore([key for key in section if isinstance(section.raw(key), dict)])
        section.refuse_unknown()
        rules.append((_pattern(glob), rule))
    return rules


def _score_range(section: Section) -> tuple[float, float]:
    value = section.raw("score")
    bounds = value if isinstance(value, list) and len(value) == 2 else [value, value]
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in bounds):
        section.refuse("score", f"expected a number or two, got {value!r}")
    return float(bounds[0]), float(bounds[1])


def _pattern(glob: str) -> re.Pattern[str]:
    """Turn the format's kind of glob into a pattern: `*` within a name, `{a,b}`, nothing else."""
    parts = (
        {"*": "[^/]*", "{": "(?:", "}": ")", ",": "|"}.get(part, re.escape(part))
        for part in re.split(r"([*{},])", glob)
    )
    try:
        return re.compile("".join(parts).rstrip("/"))
    except re.error:
        return re.compile(re.escape(glob))


def _matches(pattern: re.Pattern[str], path: Path) -> bool:
    """Tell whether *pattern* matches the submission or the directory that it is in."""
    return any(pattern.fullmatch(p.as_posix()) for p in (path, path.parent))


def _expected(
    directory: str,
    rule: Mapping[str, Any],
    defaults: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
) -> tuple[str, ...]:
    if directory in _OWN and not rule:
        return tuple(verdict.value for verdict in _OWN[directory])
    permitted, required = defaults.get(directory, (_ANY, _ANY))
    permitted = rule.get("permitted", permitted)
    required = rule.get("required", required)
    codes = [code for code in permitted if code != "AC" or "AC" in required]
    return _verdicts(codes)


def _verdicts(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(verdict.value for code in codes for verdict in _CODES[code])


def _language(path: Path, languages: Languages) -> str | None:
    """Find the language of a submission by its files, None if they speak of none or several."""
    files = [path] if path.is_file() else [file for file in _entries(path) if file.is_file()]
    found = {language.id for file in files if (language := language_of(file.name, languages))}
    if len(found) != 1 or any(_is_other(file) for file in files):
        return None
    return found.pop()


def _is_other(file: Path) -> bool:
    """Tell whether this is a language that we have not, under the extension of one of ours."""
    pattern = _OTHERS.get(file.suffix)
    return pattern is not None and pattern.search(file.read_bytes()) is not None


def _own_id(code: str | None, languages: Languages) -> str | None:
    """Return our id for a language *code* of the format."""
    for language in languages.values():
        if code == language.id or (language.variant_of is None and code in language.kattis):
            return language.id
    return None
