"""A program that is ready, and how it is run in a box, as often as there are inputs.

What `gavel run` does for one program and the judge for all tests of a problem. How a program comes
of its sources is told by `daemons.worker.compiling`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
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
        self.sources = sources
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
            files=tuple(self.sources.files),
            entry=self.sources.entry,
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
