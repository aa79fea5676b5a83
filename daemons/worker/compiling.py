"""From source to a program: the compiler is run in a box, as little trusted as what it compiles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from daemons.worker.programs import ENV, Program, Sources
from daemons.worker.toolchains import Toolchain
from sandbox import Box, Job, Limits, Result, RunStatus

#: What a compiler's box may hold: sources, objects, one artefact.
_COMPILE_BOX_BYTES = 256 << 20
_COMPILE_INODES = 16384
_COMPILE_FILES = 256
#: Artefacts that are larger together are an attack (``int a[1 << 30] = {1};``). They must leave
#: room in a run's box of 64 MiB, or no run could begin.
_ARTEFACT_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class CompileFailure:
    """The compiler refused the program or ran into a limit; *output* says which.

    *final* means that the compiler ended by itself and spoke of the program, not of this host, so
    that it would say the same again.
    """

    output: bytes
    time_s: float
    final: bool = False


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
    return _outcome(toolchain, sources, result)


async def find_compile_error(box: Box, program: Program) -> CompileFailure | None:
    """Return what is wrong with the code of *program*, whose first run failed, if that is why.

    Only some languages leave that question until then; for the others there is no answer.

    Raises:
        SandboxError: this host failed, never the program.
    """
    toolchain, sources = program.toolchain, program.sources
    if not toolchain.language.compile_failed_only:
        return None
    result = await box.run(compile_job(toolchain, sources))
    compiled = _outcome(toolchain, sources, result)
    return compiled if isinstance(compiled, CompileFailure) else None


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


def _outcome(toolchain: Toolchain, sources: Sources, result: Result) -> Program | CompileFailure:
    with ExitStack() as unused:
        for blob in result.files.values():
            unused.callback(blob.close)
        output = result.stdout + result.stderr
        if result.status is not RunStatus.OK:
            final = result.exit_code is not None and not toolchain.language.blames_host(output)
            final = final and result.status is RunStatus.RUNTIME_ERROR
            ended = result.status is RunStatus.RUNTIME_ERROR and output
            output = output if ended else output + _explain(result)
            return CompileFailure(output, result.time_s, final)
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
