"""What one language needs to be judged, read from its TOML file beside this module.

A file says how to find the tools, compile and run; it decides nothing about a host. Which
languages a machine can offer is the worker's finding, since looking for tools and asking their
versions means starting processes.

In the argument lists these placeholders stand for what is known only at the run:

- `{NAME}` for each NAME in `programs`: the path of that tool;
- `{source}`, alone in an argument: the source files with one of the language's extensions, each
  an argument of its own (headers and data lie beside them and are not named);
- `{entry}`: the file that the program starts with; `{stem}`: its name without the extension;
- `{memory_mb}`: the problem's memory limit in MiB, without the language's overhead;
- `{prepared}`, alone in an argument of `compile`: the options by which what was prepared is used,
  once it is there; in these options `{folder}` is where it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

#: In `programs`: the interpreter that runs Gavel itself (the one its virtual environment was made
#: from, so that submissions see the standard library and not our dependencies).
SELF = "@self"

_PLACEHOLDER = re.compile(r"\{([a-z0-9_+]+)\}")
_KNOWN_PLACEHOLDERS = frozenset({"source", "entry", "stem", "memory_mb", "prepared"})


class LanguageError(Exception):
    """A language's file is wrong: the message names the file, the key and what was expected."""


@dataclass(frozen=True, slots=True)
class CompileLimits:
    """What one compilation may use: a compiler runs on what the submission makes of it."""

    time_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is built once per compiler, ahead of time, to make every compilation shorter.

    Attributes:
        files: what the compiler gets to work on, by name.
        command: how it is built; `{source}` stands for the names of all files.
        artefact: the file that comes of it.
        place: the name under which a compilation finds it, below a folder that only has this.
        options: what a compilation is told of it, in the place of `{prepared}`.
    """

    files: Mapping[str, str]
    command: tuple[str, ...]
    artefact: str
    place: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """One language: how its programs are found, compiled and run.

    Attributes:
        id: the name in requests and the file's name.
        name: what people call it.
        extensions: of its source files, with the dot, the usual one first.
        source: the file name of a submission that is one piece of code.
        programs: the tools, each with the places where it may be, best first: an absolute path, a
            name to look for on the PATH, or `SELF`.
        version: the command that prints the version.
        image: further host paths that the tools need to see; those that a host has not are
            passed over.
        compile: the command that turns sources into what is run; None if there is nothing to do.
        prepared: what can be built ahead of time for the compiler; None if nothing.
        compile_failed_only: `compile` makes nothing that a run needs; it only says what is wrong
            with the code, and is asked when a program's first run failed.
        artefacts: patterns of the files that a run gets from the compilation.
        keep_sources: whether a run also gets the sources.
        run: the command that runs a program.
        env: environment of compilation and run; nothing else is in it.
        processes: how many processes and threads the language's runtime needs at most. A run's
            limit is the larger of this and the problem's.
        compile_limits: what one compilation may use.
        memory_overhead_bytes: what the runtime takes besides the program's own data. It is added
            to the problem's limit, so that a limit means the same in every language.
        stack_bytes: the stack limit; None makes it as large as the memory limit, so that deep
            recursion is bounded by memory and not by the host's habits.
        out_of_memory_exit_code: with this exit code the runtime says that its own bound on
            memory was reached; the verdict is then `memory_limit_exceeded`.
        entry_pattern: finds in a single piece of code the name that its file must have.
        identity: the command whose output tells one build of the compiler from another; by default
            `version`.
        host_faults: finds in a compiler's output that it failed for want of something on this
            host, so that it may not fail again.
        hello: a program that prints `Hello, Gavel!`, for the self-test.
        fork_from: which of `programs` is a CPython that boxes may keep started, so that programs
            whose command is `run` with `source` fork from it. It is done where that is `SELF`.
        time_factor: the problem's time limit is multiplied by it.
        kattis: the codes that the problem package format has for this language.
    """

    id: str
    name: str
    extensions: tuple[str, ...]
    source: str
    programs: Mapping[str, tuple[str, ...]]
    version: tuple[str, ...]
    run: tuple[str, ...]
    compile_limits: CompileLimits
    hello: str
    compile: tuple[str, ...] | None = None
    compile_failed_only: bool = False
    prepared: Preparation | None = None
    image: tuple[str, ...] = ()
    artefacts: tuple[str, ...] = ()
    keep_sources: bool = False
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    processes: int = 32
    memory_overhead_bytes: int = 0
    stack_bytes: int | None = None
    out_of_memory_exit_code: int | None = None
    entry_pattern: str | None = None
    identity: tuple[str, ...] | None = None
    host_faults: str | None = None
    fork_from: str | None = None
    time_factor: float = 1.0
    kattis: tuple[str, ...] = ()

    def source_name(self, code: str) -> str:
        """Return the name under which *code*, a submission in one piece, is to be stored.

        Java wants the file to bear the name of its public class.
        """
        found = re.search(self.entry_pattern, code, re.MULTILINE) if self.entry_pattern else None
        return found[1] + self.extensions[0] if found else self.source

    def blames_host(self, output: bytes) -> bool:
        """Tell whether a compiler's *output* speaks of this host's want and not of the program."""
        text = output.decode(errors="replace")
        return self.host_faults is not None and re.search(self.host_faults, text) is not None

    @property
    def is_compiled(self) -> bool:
        """Whether `compile` has to run before `run`."""
        return self.compile is not None and not self.compile_failed_only

    def is_source(self, file_name: str) -> bool:
        """Tell whether *file_name* is handed to the compiler by name."""
        return file_name.endswith(self.extensions)

    def command(
        self,
        template: Sequence[str],
        *,
        tools: Mapping[str, str],
        files: Sequence[str] = (),
        entry: str = "",
        memory_bytes: int = 0,
        prepared: Path | None = None,
    ) -> list[str]:
        """Return *template* (`version`, `compile` or `run`) with all placeholders filled in.

        Args:
            template: one of the language's argument lists.
            tools: where each of `programs` is.
            files: the names of all files of the submission.
            entry: the one that it starts with.
            memory_bytes: the problem's memory limit.
            prepared: the folder of what was prepared, if it is there.
        """
        values = {
            **tools,
            "entry": entry,
            "stem": Path(entry).stem,
            "memory_mb": str(memory_bytes // 2**20),
        }
        argv: list[str] = []
        for argument in template:
            if argument == "{prepared}":
                if self.prepared is not None and prepared is not None:
                    argv += [o.replace("{folder}", str(prepared)) for o in self.prepared.options]
            elif argument == "{source}":
                argv += [name for name in files if self.is_source(name)] or [entry]
            else:
                argv.append(_PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), argument))
        return argv


#: Languages by id.
Languages = Mapping[str, Language]


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
        for extension in language.extensions:
            other = claimed.setdefault(extension, language.id)
            if other != language.id:
                raise LanguageError(f"{path}: extensions: {extension} belongs to {other} already")
    return languages


def language_of(file_name: str, languages: Languages | None = None) -> Language | None:
    """Return the language that *file_name*'s extension speaks of, if it is one of *languages*.

    Without *languages*, those that Gavel ships are meant.
    """
    for language in (languages or _shipped()).values():
        if file_name.endswith(language.extensions):
            return language
    return None


@lru_cache(maxsize=1)
def _shipped() -> Languages:
    return load_languages()


def _read(path: Path) -> Language:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        _refuse_unknown(table, Language, "")
        _refuse_unknown(table.get("compile_limits", {}), CompileLimits, "compile_limits.")
        if "prepared" in table:
            _refuse_unknown(table["prepared"], Preparation, "prepared.")
        language = msgspec.convert(table, Language)
        _check(language, path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise LanguageError(f"{path}: {exc}") from exc
    except ValueError as exc:
        raise LanguageError(f"{path}: {exc}") from exc
    return language


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
    commands = {key: getattr(language, key) for key in ("version", "identity", "compile", "run")}
    if language.prepared is not None:
        commands["prepared.command"] = language.prepared.command
    for key, command in commands.items():
        for argument in command or ():
            for name in _PLACEHOLDER.findall(argument):
                if name not in known:
                    raise ValueError(f"{key}: unknown placeholder {{{name}}}")
