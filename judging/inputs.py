"""Programs of a package that tell whether the inputs of its tests are as the statement promises.

Judging needs none of them: `gavel problems verify` runs them, so a package whose input validators
are in a language that we have not is judged all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from judging.languages import Languages
from judging.programs import PackageProgram, read_programs

#: The exit code of a validator that finds nothing wrong.
VALID = 42
#: Where they are; the second is an older name.
_FOLDERS = ("input_validators", "input_format_validators")
#: Inputs that at least one of them has to refuse.
_INVALID = "data/invalid_input"


def read_input_validators(
    package: Path, languages: Languages, constants: Mapping[str, str]
) -> tuple[PackageProgram, ...]:
    """Return the input validators of the package at *package*, by name.

    Raises:
        PackageError: one is in no language of ours.
    """
    folders = (package / name for name in _FOLDERS)
    return tuple(
        program
        for folder in folders
        if folder.is_dir()
        for program in read_programs(folder, languages, constants)
    )


def invalid_inputs(package: Path) -> tuple[Path, ...]:
    """Return the inputs that must be refused, by name."""
    return tuple(sorted((package / _INVALID).rglob("*.in")))


def arguments_for(
    program: PackageProgram, arguments: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return those of *arguments*, by the name of a validator or "" for all, that are for this."""
    path = program.path
    found = (arguments[name] for name in (path.name, path.stem, "") if name in arguments)
    return next(found, ())
