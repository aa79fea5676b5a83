"""Programs that come with a package: validators, as one file or a directory of files.

Their sources are read when the package is, so that a submission meets the validator that its
problem was loaded with, whatever happens to the files meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from judging.errors import PackageError
from judging.files import fill_constants, is_ignored
from judging.languages import Languages, language_of

#: POSIX shell scripts by which a validator builds and runs itself.
BUILD, RUN = "build", "run"
#: Many validators come with testlib.h, which has 200 kB; nobody writes megabytes.
_MAX_BYTES = 8 << 20
#: What lies beside sources and is none.
_PROSE = (".md", ".txt")


@dataclass(frozen=True, slots=True)
class PackageProgram:
    """A program of a package, not yet built.

    Attributes:
        path: the file or directory that it comes from.
        language: the id of its language; None if it builds and runs itself by its scripts.
        files: its files by name.
        entry: the one that it starts with; of one with scripts, `RUN`.
    """

    path: Path
    language: str | None
    files: Mapping[str, bytes]
    entry: str


def read_program(
    directory: Path, languages: Languages, constants: Mapping[str, str]
) -> PackageProgram:
    """Return the one program in *directory*: in a directory of its own, or its files themselves.

    Raises:
        PackageError: there is none, there are several, or it is in no language of ours.
    """
    entries = [path for path in sorted(directory.iterdir()) if not is_ignored(path.name)]
    folders = [path for path in entries if path.is_dir()]
    files = [path for path in entries if path.is_file() and path.suffix not in _PROSE]
    if len(folders) + bool(files) > 1:
        raise PackageError(directory, "holds several programs; only one is supported")
    if folders:
        return _read_program(folders[0], languages, constants)
    return _read_program(directory, languages, constants)


def read_programs(
    directory: Path, languages: Languages, constants: Mapping[str, str]
) -> list[PackageProgram]:
    """Return every program in *directory*, by name: each is a file, or a directory of files.

    Raises:
        PackageError: one is in no language of ours.
    """
    found = []
    for path in sorted(directory.iterdir()):
        if is_ignored(path.name) or path.suffix in _PROSE:
            continue
        if path.is_dir():
            found.append(_read_program(path, languages, constants))
            continue
        language = language_of(path.name, languages)
        if language is None:
            raise PackageError(path, "its language is not clear, or none of ours")
        files = {path.name: _read(path, constants)}
        found.append(PackageProgram(path, language.id, files, path.name))
    return found


def read_files(directory: Path, constants: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of the files in *directory* by name, constants filled in.

    Raises:
        PackageError: one is too large to be a source, or there is a directory in it.
    """
    paths = [path for path in sorted(directory.iterdir()) if not is_ignored(path.name)]
    for path in paths:
        if path.is_dir() and path.name != "__pycache__":
            raise PackageError(path, "directories in directories of sources are not supported")
    return {path.name: _read(path, constants) for path in paths if path.is_file()}


def _read_program(
    directory: Path, languages: Languages, constants: Mapping[str, str]
) -> PackageProgram:
    files = read_files(directory, constants)
    if not files:
        raise PackageError(directory, "expected a program, found no file")
    if BUILD in files or RUN in files:
        return PackageProgram(directory, None, files, RUN)
    found = {name: language for name in files if (language := language_of(name, languages))}
    ids = {language.id for language in found.values()}
    if not ids:
        raise PackageError(directory, "its language is not clear, or none of ours")
    if len(ids) > 1:
        raise PackageError(
            directory, f"expected a program in one language, found {', '.join(sorted(ids))}"
        )
    (language_id,) = ids
    source = languages[language_id].source
    entry = source if source in found else next(iter(found))
    return PackageProgram(directory, language_id, files, entry)


def _read(path: Path, constants: Mapping[str, str]) -> bytes:
    if path.stat().st_size > _MAX_BYTES:
        raise PackageError(path, f"larger than {_MAX_BYTES >> 20} MiB")
    content = path.read_bytes()
    if not constants:
        return content
    # A file that is no text has no constants in it.
    try:
        return fill_constants(content.decode(), constants).encode()
    except UnicodeDecodeError:
        return content
