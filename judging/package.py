"""Reads problem packages in the ICPC/Kattis format, versions `legacy` and `2025-09`.

Source: https://www.kattis.com/problem-package-format/. A package that asks for something that we
can't do is refused with file, line and key; it is never loaded in part. At present that is all but
pass-fail with the default output validator: custom validators, interactive, multi-pass, scoring,
submit-answer, `include/`, test files beside standard input, statements in TeX or PDF only.

What the format leaves open or has not got:

- A package's directory may bear any name that can be a problem id, dashes included.
- Time limit. `legacy` has none, and in `2025-09` it may be left to the reference submissions. Here
  it is `limits.time_limit` (in `legacy` too, as BAPCtools writes it), or `timelimit` of
  `domjudge-problem.ini`, or the number in `.timelimit`, else `DEFAULT_TIME_S`.
- `attachments/starter.EXTENSION` is the code to begin with in the language of that extension.
- `gavel.yaml` beside `problem.yaml` holds what only Gavel knows, all of it optional:

      difficulty: easy            # easy, medium or hard
      explanations:               # of samples, by the name of the test
        "1": "Why this is the answer, in Markdown."

- `function.yaml` makes people write one function and no program, see `judging.function`.

- `submissions/compile_error` and other directories, see `judging.submissions`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from judging.catalogue import Catalogue, open_catalogue
from judging.checkers.flags import ValidatorFlags
from judging.document import Section, read_document
from judging.errors import PackageError
from judging.function import Function, read_function
from judging.languages import Languages, load_languages
from judging.metadata import read_metadata
from judging.problem import (
    Problem,
    ProblemLimits,
    ReferenceSubmission,
    Sample,
    TestCase,
    fill_constants,
)
from judging.statement import find_statement, place_samples, read_statement, to_html
from judging.submissions import read_submissions
from judging.testdata import is_ignored, read_samples, read_tests, validator_flags

__all__ = [
    "Catalogue",
    "PackageError",
    "Problem",
    "ProblemLimits",
    "ReferenceSubmission",
    "Sample",
    "TestCase",
    "ValidatorFlags",
    "load_problem",
    "load_problems",
]

#: As `protocol.messages.SLUG`, which judging may not import; a test keeps them equal.
PROBLEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")

_DIFFICULTIES = ("easy", "medium", "hard")
#: Directories that change how a submission is built or judged.
_UNSUPPORTED = {
    "output_validator": "custom output validators are not supported yet",
    "output_validators": "custom output validators are not supported yet",
    "static_validator": "static validators are not supported yet",
    "include": "files to include with submissions are not supported yet",
}


def load_problem(path: Path, languages: Languages | None = None) -> Problem:
    """Read the package in directory *path*.

    Args:
        path: the package.
        languages: those to look for in starter code and reference submissions; by default those
            that Gavel ships.

    Raises:
        PackageError: it is not a package, or one that can't be judged.
    """
    languages = load_languages() if languages is None else languages
    if not PROBLEM_ID.fullmatch(path.name):
        raise PackageError(path, f"its name can't be a problem id: {PROBLEM_ID.pattern}")
    try:
        return _load(path, languages)
    except OSError as exc:
        raise PackageError(Path(exc.filename or path), exc.strerror or str(exc)) from exc


def load_problems(directories: Sequence[Path]) -> Catalogue:
    """Read all packages that lie directly in *directories*.

    Those that can't be judged are in the catalogue's `errors`; they keep no other from loading.
    """
    return open_catalogue(directories, load_problem)


def _load(path: Path, languages: Languages) -> Problem:
    metadata = read_metadata(path, languages)
    for name, problem in _UNSUPPORTED.items():
        if any(not is_ignored(file.name) for file in _files(path / name)):
            raise PackageError(path / name, problem)
    tests = read_tests(path, metadata.groups, metadata.validator_arguments)
    extension = _Extension(read_document(path / "gavel.yaml"))
    samples = read_samples(tests, extension.explanations)
    function = read_function(path / "function.yaml")
    if function is not None:
        _check_tests(function, tests)
    directory = path / metadata.statement_directory
    file, language = find_statement(directory)
    markdown = fill_constants(read_statement(file), metadata.constants)
    markdown = place_samples(markdown, samples, file)
    return Problem(
        id=path.name,
        title=metadata.title(language) or path.name,
        difficulty=extension.difficulty,
        tags=metadata.tags,
        statement_md=markdown,
        statement_html=to_html(markdown),
        limits=metadata.limits,
        tests=tests,
        samples=samples,
        starter=_starter_for(function, languages) | _read_starter(path / "attachments", languages),
        validator=validator_flags(path / "problem.yaml", metadata.validator_arguments),
        version=_hash(path),
        path=path,
        submissions=read_submissions(path, languages, legacy=metadata.legacy),
        languages=_allowed(metadata.languages, function, languages),
        constants=metadata.constants,
        function=function,
    )


class _Extension:
    """What `gavel.yaml` says."""

    def __init__(self, document: Section) -> None:
        self.difficulty = document.text("difficulty") or None
        if self.difficulty not in (None, *_DIFFICULTIES):
            document.refuse("difficulty", f"expected one of {', '.join(_DIFFICULTIES)}")
        explanations = document.section("explanations")
        self.explanations: Mapping[str, str] = {
            name: explanations.text(name) for name in explanations
        }
        document.refuse_unknown()


def _check_tests(function: Function, tests: Sequence[TestCase]) -> None:
    """Refuse tests that the function can't be called with, or whose answer it can't return."""
    for test in tests:
        for file, read in ((test.input, function.message), (test.answer, function.answer)):
            try:
                read(file.read_bytes())
            except (ValueError, RecursionError) as exc:
                raise PackageError(file, f"does not fit function.yaml: {exc}") from exc


def _allowed(
    ids: tuple[str, ...] | None, function: Function | None, languages: Languages
) -> tuple[str, ...] | None:
    """Return those of *ids*, or of all languages, in which people can write what is wanted."""
    if function is None:
        return ids
    able = tuple(language.id for language in languages.values() if language.function)
    return able if ids is None else tuple(id_ for id_ in ids if id_ in able)


def _starter_for(function: Function | None, languages: Languages) -> dict[str, str]:
    """Return the code to begin with where people write only *function*, by language."""
    if function is None:
        return {}
    return {
        language.id: language.function.starter_for(function)
        for language in languages.values()
        if language.function is not None
    }


def _read_starter(directory: Path, languages: Languages) -> dict[str, str]:
    """Return the starter code in *directory*, by language."""
    starter = {}
    for language in languages.values():
        for extension in language.extensions:
            file = directory / f"starter{extension}"
            if file.is_file() and language.id not in starter:
                starter[language.id] = read_statement(file)
    return starter


def _files(directory: Path) -> list[Path]:
    """Return all files in *directory* and below, but for hidden ones."""
    if not directory.is_dir():
        return []
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    )


def _hash(directory: Path) -> str:
    """Return a hash of the names and contents of all files of a package."""
    digest = hashlib.sha256()
    for path in _files(directory):
        name = path.relative_to(directory).as_posix()
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:32]
