"""Reads the languages from their TOML files, and refuses what is wrong with one.

A file whose language is a `variant_of` another has only what is different: its tables are laid over
those of the other's file, and in the commands each argument that is a key of `replace` becomes the
value. What is prepared ahead is left to the other, since it takes a core for seconds and much disk.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from judging.languages.harness import Harness
from judging.languages.language import (
    PLACEHOLDER,
    CompileLimits,
    Language,
    Languages,
    Preparation,
    Start,
)

_KNOWN_PLACEHOLDERS = frozenset({"source", "entry", "stem", "start", "memory_mb", "prepared"})
_COMMANDS = ("version", "identity", "detect", "compile", "run")


class LanguageError(Exception):
    """A language's file is wrong: the message names the file, the key and what was expected."""


def load_languages(directory: Path | None = None) -> dict[str, Language]:
    """Read all languages of *directory* (by default those that Gavel ships), by id.

    Raises:
        LanguageError: a file is not as it must be, or two claim the same extension.
    """
    directory = directory or Path(__file__).parent
    languages: dict[str, Language] = {}
    claimed: dict[str, str] = {}
    for path in sorted(directory.glob("*.toml")):
        language = _read(path)
        languages[language.id] = language
        for extension in language.extensions if language.variant_of is None else ():
            other = claimed.setdefault(extension, language.id)
            if other != language.id:
                raise LanguageError(f"{path}: extensions: {extension} belongs to {other} already")
    return languages


def language_of(file_name: str, languages: Languages | None = None) -> Language | None:
    """Return the language that *file_name*'s extension speaks of, if it is one of *languages*.

    Without *languages*, those that Gavel ships are meant.
    """
    for language in (languages or _shipped()).values():
        if language.variant_of is None and file_name.endswith(language.extensions):
            return language
    return None


@lru_cache(maxsize=1)
def _shipped() -> Languages:
    return load_languages()


def _read(path: Path) -> Language:
    try:
        table = _table(path)
        _refuse_unknown(table, Language, "")
        _refuse_unknown(table.get("compile_limits", {}), CompileLimits, "compile_limits.")
        if "prepared" in table:
            _refuse_unknown(table["prepared"], Preparation, "prepared.")
        if "start" in table:
            _refuse_unknown(table["start"], Start, "start.")
        if "function" in table:
            _refuse_unknown(table["function"], Harness, "function.")
        language = msgspec.convert(table, Language)
        _check(language, path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise LanguageError(f"{path}: {exc}") from exc
    except ValueError as exc:
        raise LanguageError(f"{path}: {exc}") from exc
    return language


def _table(path: Path) -> dict[str, Any]:
    """Return what *path* says, laid over what the file of the language says of which it varies."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    base_id, replace = table.get("variant_of"), table.pop("replace", {})
    if base_id is None:
        if replace:
            raise ValueError("replace: is for a language that has variant_of")
        return table
    base = path.with_name(f"{base_id}.toml")
    if not base.is_file():
        raise ValueError(f"variant_of: there is no {base}")
    own = tomllib.loads(base.read_text(encoding="utf-8"))
    own.pop("prepared", None)
    for key in _COMMANDS:
        if key in own:
            own[key] = [replace.get(argument, argument) for argument in own[key]]
    return own | table


def _refuse_unknown(table: object, shape: Any, where: str) -> None:
    """Name keys that *shape* has not, which msgspec passes over, and those that are missing."""
    if not isinstance(table, dict):
        return
    known = {f.name: f for f in fields(shape)}
    for key in table:
        if key not in known:
            raise ValueError(f"{where}{key}: unknown key; known are {', '.join(sorted(known))}")
    for name, f in known.items():
        if name not in table and f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"{where}{name}: missing")


def _check(language: Language, path: Path) -> None:
    """Check what types alone can't tell."""
    if language.id != path.stem:
        raise ValueError(f"id: expected {path.stem!r}, the file's name, got {language.id!r}")
    if not language.extensions:
        raise ValueError("extensions: expected at least one")
    for extension in language.extensions:
        if not extension.startswith("."):
            raise ValueError(f"extensions: expected a leading dot, got {extension!r}")
    if not language.is_source(language.source):
        raise ValueError(f"source: expected one of the extensions, got {language.source!r}")
    if language.compile and not (language.artefacts or language.keep_sources):
        raise ValueError("artefacts: a run would get neither artefacts nor sources")
    if language.fork_from is not None and language.fork_from not in language.programs:
        raise ValueError(f"fork_from: {language.fork_from!r} is none of programs")
    _check_placeholders(language)


def _check_placeholders(language: Language) -> None:
    known = _KNOWN_PLACEHOLDERS | set(language.programs)
    commands = {key: getattr(language, key) for key in _COMMANDS}
    if language.prepared is not None:
        commands["prepared.command"] = language.prepared.command
    for key, command in commands.items():
        for argument in command or ():
            for name in PLACEHOLDER.findall(argument):
                if name not in known:
                    raise ValueError(f"{key}: unknown placeholder {{{name}}}")
