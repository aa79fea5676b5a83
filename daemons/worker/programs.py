"""From source to a run: compile once in a box, run the result as often as there are inputs.

What `gavel run` does for one program and the judge for all tests of a problem.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType

import trio

from daemons.metrics import SANDBOX_OVERHEAD_SECONDS
from daemons.worker.toolchains import Toolchain, image_of
from judging.function import Function
from protocol.messages import Request
from sandbox import (
    Blob,
    Box,
    Grade,
    Interpreter,
    Job,
    Limits,
    Result,
    RunStatus,
    Sandbox,
    Tier,
    open_sandbox,
)
from sandbox.attack import PYTHON

#: What a compiler's box may hold: sources, objects, one artefact.
_COMPILE_BOX_BYTES = 256 << 20
_COMPILE_INODES = 16384
_COMPILE_FILES = 256
#: Artefacts that are larger together are an attack (``int a[1 << 30] = {1};``). They must leave
#: room in a run's box of 64 MiB, or no run could begin.
_ARTEFACT_BYTES = 48 << 20
_RUN_FILE_BYTES = 64 << 20
NO_FILES: Mapping[str, bytes | Blob] = MappingProxyType({})
#: What every program finds in its environment, compilers among them, before its language's own.
ENV = {
    "HOME": "/box",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TMPDIR": "/tmp",  # noqa: S108 - the box's own
}


def open_boxes(
    toolchains: Collection[Toolchain],
    *,
    slots: int,
    grade: Grade,
    cores: Sequence[int] = (),
) -> AbstractAsyncContextManager[Sandbox]:
    """Open a sandbox for programs of *toolchains*: it shows their tools, and keeps Python started.

    *cores*, one for each slot, are where submitted programs stay.

    Raises:
        SandboxError: this host can't confine programs, or not at *grade*.
    """
    kept = [_interpreter_of(toolchain) for toolchain in toolchains]
    return open_sandbox(
        slots=slots,
        image=image_of(toolchains),
        grade=grade,
        interpreter=next(filter(None, kept), None),
        cores=cores,
    )


def _interpreter_of(toolchain: Toolchain) -> Interpreter | None:
    """Return the interpreter that a box can keep started for a submission of one file."""
    language = toolchain.language
    if language.fork_from is None or toolchain.tools[language.fork_from] != PYTHON:
        return None
    argv = language.command(language.run, tools=toolchain.tools, entry=language.source)
    return Interpreter(argv=tuple(argv), env={**ENV, **language.env})


@dataclass(frozen=True, slots=True)
class Sources:
    """A program's files and the one that it starts with."""

    files: Mapping[str, bytes]
    entry: str

    @classmethod
    def of(
        cls, request: Request, toolchain: Toolchain, function: Function | None = None
    ) -> Sources:
        """Return the files of a submission, and the harness's if it is only *function*."""
        harness = toolchain.language.function
        sources = cls._sent(request, toolchain)
        if function is None or harness is None:
            return sources
        others = {name: text for name, text in sources.files.items() if name != sources.entry}
        wrapped = harness.wrap(function, sources.files[sources.entry])
        return cls({**others, **wrapped}, harness.entry)

    @classmethod
    def _sent(cls, request: Request, toolchain: Toolchain) -> Sources:
        if request.code is not None:
            code = toolchain.language.source_code(request.code)
            name = toolchain.language.source_name(code)
            return cls({name: code.encode("utf-8", "surrogatepass")}, name)
        files = {file.name: file.content.encode("utf-8", "surrogatepass") for file in request.files}
        return cls(files, request.entry or request.files[0].name)

    def beside(self, included: Mapping[str, bytes], toolchain: Toolchain) -> Sources:
        """Return these files with a problem's own beside them, which replace those of their names.

        A driver bears the name that a program starts with in its language. It takes that part, and
        a submission in one piece of this name gets another.
        """
        if not included:
            return self
        language = toolchain.language
        files = dict(self.files)
        if list(files) == [self.entry] and self.entry in included:
            files = {"solution" + language.extensions[0]: files[self.entry]}
        entry = language.source if language.source in included else self.entry
        return Sources({**files, **included}, entry)


@dataclass(frozen=True, slots=True)
class CompileFailure:
    """The compiler refused the program or ran into a limit; *output* says which.

    *final* means that the compiler ended by itself and spoke of the program, not of this host, so
    that it would say the same again.
    """

    output: bytes
    time_s: float
    final: bool = False


class Program(AbstractContextManager["Program"]):
    """A program that is ready to run; a context manager that gives its artefacts back."""

    def __init__(
        self,
        toolchain: Toolchain,
        sources: Sources,
        artefacts: Mapping[str, Blob],
        time_s: float,
    ) -> None:
        self.toolchain = toolchain
        self.artefacts = artefacts
        self.compile_time_s = time_s
        self._sources = sources
        language = toolchain.language
        reads = {name: blob.read for name, blob in artefacts.items()}
        stem = Path(sources.entry).stem
        self._start = language.start.find(stem, reads) if language.start is not None else ""
        kept = sources.files if language.keep_sources or not language.is_compiled else {}
        #: What a run finds in its folder, by name.
        self.files: Mapping[str, bytes | Blob] = {**kept, **artefacts}

    async def run(
        self,
        box: Box,
        *,
        stdin: bytes | Blob,
        limits: Limits,
        args: tuple[str, ...] = (),
        files: Mapping[str, bytes | Blob] = NO_FILES,
        collect: tuple[str, ...] = (),
        alone: bool = False,
        tier: Tier = "fork",
    ) -> Result:
        """Run the program once in *box*.

        *limits* are the problem's, or whoever asks for the run; what the language's runtime itself
        needs is added here. *files* are put beside the program, *collect* is what is wanted back.

        Raises:
            SandboxError: this host failed, never the program.
        """
        job = self.job(
            stdin=stdin,
            limits=limits,
            args=args,
            files=files,
            collect=collect,
            alone=alone,
            tier=tier,
        )
        begun = trio.current_time()
        result = await box.run(job)
        overhead_s = trio.current_time() - begun - result.wall_s
        SANDBOX_OVERHEAD_SECONDS.observe(max(0.0, overhead_s))
        return result

    def job(
        self,
        *,
        stdin: bytes | Blob = b"",
        limits: Limits,
        args: tuple[str, ...] = (),
        files: Mapping[str, bytes | Blob] = NO_FILES,
        collect: tuple[str, ...] = (),
        alone: bool = False,
        tier: Tier = "fork",
    ) -> Job:
        """Return the run of the program that `run` makes."""
        language = self.toolchain.language
        argv = language.command(
            language.run,
            tools=self.toolchain.tools,
            files=tuple(self._sources.files),
            entry=self._sources.entry,
            start=self._start,
            memory_bytes=limits.memory_bytes,
        )
        memory_bytes = limits.memory_bytes + language.memory_overhead_bytes
        return Job(
            argv=(*argv, *args),
            env={**ENV, **language.env},
            files={**self.files, **files},
            collect=collect,
            stdin=stdin,
            limits=Limits(
                time_s=limits.time_s * language.time_factor,
                wall_s=limits.wall_s * language.time_factor,
                memory_bytes=memory_bytes,
                output_bytes=limits.output_bytes,
                processes=max(limits.processes, language.processes),
                file_bytes=min(_RUN_FILE_BYTES, limits.file_bytes),
                box_bytes=limits.box_bytes,
                box_inodes=limits.box_inodes,
                stack_bytes=language.stack_bytes or memory_bytes,
                open_files=limits.open_files,
            ),
            alone=alone,
            tier=tier,
        )

    async def find_compile_error(self, box: Box) -> CompileFailure | None:
        """Return what is wrong with the code of a program whose first run failed, if that is why.

        Only some languages leave that question until then; for the others there is no answer.

        Raises:
            SandboxError: this host failed, never the program.
        """
        if not self.toolchain.language.compile_failed_only:
            return None
        result = await box.run(compile_job(self.toolchain, self._sources))
        compiled = _compiled(self.toolchain, self._sources, result)
        return compiled if isinstance(compiled, CompileFailure) else None

    def status_of(self, result: Result) -> RunStatus:
        """Return how *result* ended, the runtime's own word for "out of memory" understood."""
        code = self.toolchain.language.out_of_memory_exit_code
        if (
            code is not None
            and result.status is RunStatus.RUNTIME_ERROR
            and result.exit_code == code
        ):
            return RunStatus.MEMORY_LIMIT
        return result.status

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for artefact in self.artefacts.values():
            artefact.close()


#: Makes a program of its sources, in the box if it has to be compiled.
Build = Callable[[Box, Toolchain, Sources], Awaitable[Program | CompileFailure]]


async def compile_program(
    box: Box, toolchain: Toolchain, sources: Sources, prepared: Path | None = None
) -> Program | CompileFailure:
    """Compile *sources* in *box*; a language without a compiler gives its program at once.

    *prepared* is the folder of what was built ahead for the language.

    Raises:
        SandboxError: this host failed, never the program.
    """
    if not toolchain.language.is_compiled:
        return Program(toolchain, sources, {}, 0.0)
    result = await box.run(compile_job(toolchain, sources, prepared))
    return _compiled(toolchain, sources, result)


def compile_job(toolchain: Toolchain, sources: Sources, prepared: Path | None = None) -> Job:
    """Return the run of the compiler over *sources*."""
    language = toolchain.language
    assert language.compile is not None
    argv = language.command(
        language.compile,
        tools=toolchain.tools,
        files=tuple(sources.files),
        entry=sources.entry,
        prepared=prepared,
    )
    limits = language.compile_limits
    beside = {name: text.encode() for name, text in language.compile_files.items()}
    return Job(
        argv=tuple(argv),
        env={**ENV, **language.env},
        files={**beside, **sources.files},
        stdin=b"",
        floats=True,  # compilers use all cores, and nobody compares their times
        collect=language.artefacts,
        limits=Limits(
            time_s=limits.time_s,
            wall_s=limits.wall_s,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
            processes=limits.processes,
            file_bytes=_ARTEFACT_BYTES,
            box_bytes=_COMPILE_BOX_BYTES,
            box_inodes=_COMPILE_INODES,
            stack_bytes=limits.memory_bytes,
            open_files=_COMPILE_FILES,
        ),
    )


def _compiled(toolchain: Toolchain, sources: Sources, result: Result) -> Program | CompileFailure:
    with ExitStack() as unused:
        for blob in result.files.values():
            unused.callback(blob.close)
        output = result.stdout + result.stderr
        if result.status is not RunStatus.OK:
            final = result.exit_code is not None and not toolchain.language.blames_host(output)
            final = final and result.status is RunStatus.RUNTIME_ERROR
            return CompileFailure(output or _explain(result), result.time_s, final)
        if toolchain.language.artefacts and not result.files:
            output += b"the compiler produced nothing to run\n"
            return CompileFailure(output, result.time_s, final=True)
        if sum(blob.size for blob in result.files.values()) > _ARTEFACT_BYTES:
            output += b"the compiled program is larger than %d MiB\n" % (_ARTEFACT_BYTES >> 20)
            return CompileFailure(output, result.time_s, final=True)
        unused.pop_all()
    return Program(toolchain, sources, result.files, result.time_s)


def _explain(result: Result) -> bytes:
    """Return a line for a compiler that ended without a word."""
    reason = result.status.value.replace("_", " ")
    if result.status is RunStatus.RUNTIME_ERROR:
        reason = f"exit code {result.exit_code}, signal {result.signal}"
    return f"the compiler failed: {reason}\n".encode()
