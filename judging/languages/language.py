"""What one language needs to be judged, read from its TOML file beside this module.

A file says how to find the tools, compile and run; it decides nothing about a host. Which
languages a machine can offer is the worker's finding, since looking for tools and asking their
versions means starting processes.

In the argument lists these placeholders stand for what is known only at the run:

- `{NAME}` for each NAME in `programs`: the path of that tool;
- `{source}`, alone in an argument: the source files with one of the language's extensions, each
  an argument of its own (headers and data lie beside them and are not named);
- `{entry}`: the file that the program starts with; `{stem}`: its name without the extension;
- `{start}`: what the runtime is told to start, where a language has `start`;
- `{memory_mb}`: the problem's memory limit in MiB, without the language's overhead;
- `{prepared}`, alone in an argument of `compile`: the options by which what was prepared is used,
  once it is there; in these options `{folder}` is where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from judging.languages.harness import Harness

#: In `programs`: the interpreter that runs Gavel itself (the one its virtual environment was made
#: from, so that submissions see the standard library and not our dependencies).
SELF = "@self"

PLACEHOLDER = re.compile(r"\{([a-z0-9_+]+)\}")


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
class Start:
    """Finds what a runtime is told to start, where that need not bear the name of the entry.

    Attributes:
        artefact: matches the whole name of an artefact that may be it, and finds the name to start.
        contains: what all of such an artefact has in it, each character a byte.
    """

    artefact: str
    contains: tuple[str, ...]

    def find(self, stem: str, artefacts: Mapping[str, Callable[[], bytes]]) -> str:
        """Return the name to start: *stem* if that will do, else the first that will, else *stem*.

        *artefacts* gives the content of each by its name.
        """
        names = {
            found[1]: name
            for name in sorted(artefacts)
            if (found := re.fullmatch(self.artefact, name)) is not None
        }
        ordered = sorted(names, key=lambda name: name != stem)
        marks = [mark.encode("latin-1") for mark in self.contains]
        for name in ordered:
            content = artefacts[names[name]]()
            if all(mark in content for mark in marks):
                return name
        return stem


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
        detect: a command that ends well where the language is offered, for what the presence of
            `programs` does not tell; None if that is all.
        image: further host paths that the tools need to see, with `*` where versions are in
            their names; those that a host has not are passed over.
        compile: the command that turns sources into what is run; None if there is nothing to do.
        compile_files: what the compiler finds beside the sources, by name.
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
        blank_pattern: finds in a single piece of code what is left out, since it would have the
            compiler put its artefacts somewhere else.
        start: finds what the runtime is told to start; None if the command says so without.
        identity: the command whose output tells one build of the compiler from another; by default
            `version`.
        host_faults: finds in a compiler's output that it failed for want of something on this
            host, so that it may not fail again.
        hello: a program that prints `Hello, Gavel!`, for the self-test.
        fork_from: which of `programs` is a CPython that boxes may keep started, so that programs
            whose command is `run` with `source` fork from it. It is done where that is `SELF`.
        time_factor: the problem's time limit is multiplied by it.
        kattis: the codes that the problem package format has for this language.
        debian: the packages of Debian that have its tools.
        variant_of: the id of a language of which this is another dialect or implementation. Its
            extensions and codes then speak of that one, and this one must be asked for by its id.
        function: how people write only a function in it; None if they can't.
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
    detect: tuple[str, ...] | None = None
    compile_files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
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
    blank_pattern: str | None = None
    start: Start | None = None
    identity: tuple[str, ...] | None = None
    host_faults: str | None = None
    fork_from: str | None = None
    time_factor: float = 1.0
    kattis: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    variant_of: str | None = None
    function: Harness | None = None

    def whence(self, commands: Iterable[str]) -> str:
        """Return *commands*, some of its programs', and where to get them, in words."""
        where = f"; Debian has it in {', '.join(self.debian)}" if self.debian else ""
        return ", ".join(commands) + where

    def source_name(self, code: str) -> str:
        """Return the name under which *code*, a submission in one piece, is to be stored.

        Java wants the file to bear the name of its public class.
        """
        found = re.search(self.entry_pattern, code, re.MULTILINE) if self.entry_pattern else None
        return found[1] + self.extensions[0] if found else self.source

    def source_code(self, code: str) -> str:
        """Return *code*, a submission in one piece, as it is to be stored; each line stays one.

        In Java a class of a package would have to lie in the package's folder.
        """
        if self.blank_pattern is None:
            return code
        return re.sub(self.blank_pattern, "", code, count=1, flags=re.MULTILINE)

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
        start: str = "",
        memory_bytes: int = 0,
        prepared: Path | None = None,
    ) -> list[str]:
        """Return *template* (`version`, `compile` or `run`) with all placeholders filled in.

        Args:
            template: one of the language's argument lists.
            tools: where each of `programs` is.
            files: the names of all files of the submission.
            entry: the one that it starts with.
            start: what `Start.find` says.
            memory_bytes: the problem's memory limit.
            prepared: the folder of what was prepared, if it is there.
        """
        values = {
            **tools,
            "entry": entry,
            "stem": Path(entry).stem,
            "start": start,
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
                argv.append(PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), argument))
        return argv


#: Languages by id.
Languages = Mapping[str, Language]
