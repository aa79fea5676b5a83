"""Reads problem packages in the ICPC/Kattis format, versions `legacy` and `2025-09`.

Source: https://www.kattis.com/problem-package-format/. A package that asks for something that we
can't do is refused with file, line and key; it is never loaded in part. That is: submit-answer,
static validators, graders of its own, several output validators. Packages of the draft that
2025-09 grew out of load as well, its older names of files and keys included.

What the format leaves open or has not got:

- Samples may be all the tests that a pass-fail problem has: packages in the making are like that.
- A package's directory may bear any name that can be a problem id, dashes included.
- Time limit. `legacy` has none, and in `2025-09` it may be left to the reference submissions. Here
  it is `limits.time_limit` (in `legacy` too, as BAPCtools writes it), or `timelimit` of
  `domjudge-problem.ini`, or the number in `.timelimit`, else `DEFAULT_TIME_S`.
- `attachments/starter.EXTENSION` is the code to begin with in the language of that extension.
- `gavel.yaml` beside `problem.yaml` holds what only Gavel knows, all of it optional:

      difficulty: easy            # easy, medium or hard
      output_validator: testlib   # how it is called; found by its sources if not said
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

from judging.catalogue import Catalogue, Loader, open_catalogue
from judging.checkers.custom import Interface, detect_interface
from judging.checkers.flags import ValidatorFlags
from judging.document import Section, read_document
from judging.errors import PackageError
from judging.files import is_hidden, is_ignored
from judging.function import Function, read_function
from judging.grading import Grading
from judging.groups import LEGACY_GROUPS
from judging.languages import Languages, load_languages
from judging.metadata import Metadata, read_metadata
from judging.problem import (
    OutputValidator,
    Problem,
    ProblemLimits,
    ReferenceSubmission,
    Sample,
    TestCase,
)
from judging.programs import read_files, read_program
from judging.statement import read_statement, read_text
from judging.submissions import read_submissions
from judging.testdata import (
    ReadAs,
    TestData,
    grading_2025,
    legacy_grading,
    read_samples,
    read_tests,
    validator_flags,
)

__all__ = [
    "Catalogue",
    "Loader",
    "OutputValidator",
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
#: Where an output validator may be: alone as in 2025-09, or beside others as in the older format.
_VALIDATORS = ("output_validator", "output_validators")


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


def load_problems(directories: Sequence[Path], load: Loader = load_problem) -> Catalogue:
    """Read all packages that lie directly in *directories*, each by *load*.

    Those that can't be judged are in the catalogue's `errors`; they keep no other from loading.
    """
    return open_catalogue(directories, load)


def _load(path: Path, languages: Languages) -> Problem:
    metadata = read_metadata(path, languages)
    if _files(path / "static_validator"):
        raise PackageError(path / "static_validator", "static validators are not supported")
    extension = _Extension(read_document(path / "gavel.yaml"))
    validator = _read_validator(path, metadata, languages, extension)
    how = ReadAs(
        metadata.groups,
        metadata.validator_arguments,
        default_validator=validator is None,
        conversations=validator is not None,
    )
    data = read_tests(path, how)
    function = read_function(path / "function.yaml")
    if function is not None:
        if validator is not None:
            raise PackageError(path / "function.yaml", "goes with the default output validator")
        _check_tests(function, data.tests)
    samples = read_samples(path, data, how, extension.explanations)
    statement = read_statement(path, metadata, samples)
    return Problem(
        id=path.name,
        title=metadata.title(statement.language) or statement.title or path.name,
        difficulty=extension.difficulty,
        tags=metadata.tags,
        statement_md=statement.markdown,
        statement_html=statement.html,
        limits=metadata.limits,
        tests=data.tests,
        samples=samples,
        starter=_starter_for(function, languages) | _read_starter(path / "attachments", languages),
        validator=_common_flags(path, metadata, validator),
        version=_hash(path),
        path=path,
        submissions=read_submissions(path, languages, legacy=metadata.legacy),
        languages=_allowed(metadata.languages, function, languages),
        constants=metadata.constants,
        function=function,
        output_validator=validator,
        grading=_grading(metadata, data),
        included=_read_included(path / "include", languages, metadata.constants),
    )


def _common_flags(
    path: Path, metadata: Metadata, validator: OutputValidator | None
) -> ValidatorFlags:
    if validator is not None:
        return ValidatorFlags()
    return validator_flags(path / "problem.yaml", metadata.validator_arguments)


def _grading(metadata: Metadata, data: TestData) -> Grading:
    legacy = metadata.groups is LEGACY_GROUPS
    grading = legacy_grading if legacy else grading_2025
    return grading(data, scoring=metadata.scoring)


def _read_validator(
    path: Path, metadata: Metadata, languages: Languages, extension: _Extension
) -> OutputValidator | None:
    """Return the package's own output validator, if it has one that counts."""
    directory = next((path / name for name in _VALIDATORS if _files(path / name)), None)
    if metadata.custom is False:
        return None  # legacy packages say so in problem.yaml, whatever lies about
    if directory is None:
        if metadata.custom:
            raise PackageError(
                path / _VALIDATORS[metadata.legacy], "missing; this problem needs it"
            )
        return None
    program = read_program(directory, languages, metadata.constants)
    validation = metadata.validation
    return OutputValidator(
        program=program,
        interface=extension.interface or detect_interface(program),
        interactive=metadata.interactive,
        passes=validation.passes,
        time_s=validation.time_s,
        memory_bytes=validation.memory_bytes,
        output_bytes=validation.output_bytes,
    )


def _read_included(
    directory: Path, languages: Languages, constants: Mapping[str, str]
) -> dict[str, dict[str, bytes]]:
    """Return what is put beside submissions, by our id of the language, "" for all others."""
    included = {}
    for folder in sorted(directory.iterdir()) if directory.is_dir() else []:
        if is_ignored(folder.name) or not folder.is_dir():
            continue
        ids = [""] if folder.name == "default" else _ids_of(folder.name, languages)
        content = read_files(folder, constants)
        included.update(dict.fromkeys(ids, content))
    return included


def _ids_of(code: str, languages: Languages) -> list[str]:
    return [each.id for each in languages.values() if code in (each.id, *each.kattis)]


class _Extension:
    """What `gavel.yaml` says."""

    def __init__(self, document: Section) -> None:
        self.difficulty = document.text("difficulty") or None
        if self.difficulty not in (None, *_DIFFICULTIES):
            document.refuse("difficulty", f"expected one of {', '.join(_DIFFICULTIES)}")
        interface = document.text("output_validator") or None
        if interface not in (None, *Interface):
            document.refuse("output_validator", f"expected one of {', '.join(Interface)}")
        self.interface = Interface(interface) if interface else None
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
                starter[language.id] = read_text(file)
    return starter


def _files(directory: Path) -> list[Path]:
    """Return all files in *directory* and below, but for hidden ones."""
    if not directory.is_dir():
        return []
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and not any(map(is_hidden, path.relative_to(directory).parts))
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
