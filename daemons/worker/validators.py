"""A package's own output validator: build it, run it on an output, say what it found.

It is as little trusted as a submission: it runs in a box, and all that comes back is its exit code
and a few small files. What it does wrong is the package's fault and never the program's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from daemons.worker.compiling import Build, CompileFailure
from daemons.worker.programs import Program, Sources
from daemons.worker.scripts import build_by_script
from daemons.worker.toolchains import Toolchain
from judging.checkers.custom import (
    ANSWER,
    FEEDBACK,
    INPUT,
    NEXT_PASS,
    OUTPUT,
    Finding,
    Interface,
    ValidatorFault,
    arguments_for,
    read_finding,
)
from judging.problem import OutputValidator, TestCase, wall_for
from judging.programs import PackageProgram
from sandbox import Box, Job, Limits, Result, RunStatus, SandboxError

#: Where a program finds its files; a validator writes its feedback there, too.
FOLDER = "/box/"
_PROCESSES = 64
_ROOM_BYTES = 64 << 20
_SHOWN_BYTES = 2000


class Validator:
    """An output validator that is ready to run; a context manager that gives its artefacts back."""

    def __init__(self, about: OutputValidator, program: Program) -> None:
        self.about = about
        self._program = program

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.__exit__(None, None, None)

    def job(self, test: TestCase, data: Mapping[str, bytes], kept: Mapping[str, bytes]) -> Job:
        """Return the run of the validator on *test*.

        Args:
            test: whose input and answer it is about.
            data: `INPUT` and `ANSWER`, and `OUTPUT` if there is one already.
            kept: the files that it left in the pass before.
        """
        about = self.about
        files = {**kept, INPUT: data[INPUT], ANSWER: data[ANSWER]}
        if about.interface is Interface.TESTLIB and OUTPUT in data:
            files[OUTPUT] = data[OUTPUT]
        arguments = arguments_for(
            about.interface, FOLDER, test.validator_arguments, interactive=about.interactive
        )
        return self._program.job(
            stdin=data.get(OUTPUT, b""),
            limits=self._limits(sum(map(len, files.values()))),
            args=arguments,
            files=files,
            collect=("*",) if about.passes > 1 else FEEDBACK,
            tier="exec",
        )

    def _limits(self, files_bytes: int) -> Limits:
        about = self.about
        return Limits(
            time_s=about.time_s,
            wall_s=wall_for(about.time_s),
            memory_bytes=about.memory_bytes,
            output_bytes=about.output_bytes,
            processes=_PROCESSES,
            box_bytes=_ROOM_BYTES + files_bytes,
        )

    async def check(
        self, box: Box, test: TestCase, data: Mapping[str, bytes], kept: dict[str, bytes]
    ) -> Finding:
        """Return what the validator says of `data[OUTPUT]`; *kept* is brought up to date.

        Raises:
            SandboxError: this host failed.
            ValidatorFault: the validator did.
        """
        return self.finding(await box.run(self.job(test, data, kept)), kept)

    def finding(self, result: Result, kept: dict[str, bytes]) -> Finding:
        """Return what a run of the validator has said; *kept* is brought up to date.

        Raises:
            ValidatorFault: it did not end as validators must.
        """
        own = {*self._program.files, INPUT, ANSWER, OUTPUT}
        files = {name: blob for name, blob in result.files.items() if name not in own}
        content = {name: blob.read() for name, blob in files.items()}
        close_all(result)
        if result.exit_code is None or result.status not in (
            RunStatus.OK,
            RunStatus.RUNTIME_ERROR,
        ):
            raise ValidatorFault(_explain(result))
        found = read_finding(self.about.interface, result.exit_code, content, result.stderr)
        if found.next_input is not None and self.about.passes == 1:
            raise ValidatorFault(f"it wrote {NEXT_PASS}; the problem is not multi-pass")
        kept.clear()
        if self.about.passes > 1:
            kept.update((name, text) for name, text in content.items() if name != NEXT_PASS)
        return found


def close_all(result: Result) -> None:
    """Give back what a run left behind."""
    for blob in result.files.values():
        blob.close()


def _explain(result: Result) -> str:
    reason = result.status.value.replace("_", " ")
    if result.status is RunStatus.RUNTIME_ERROR:
        reason = f"killed by signal {result.signal}"
    said = result.stderr[:_SHOWN_BYTES].decode(errors="replace").strip()
    return reason + (f"; it said: {said}" if said else "")


async def build_validator(
    box: Box, about: OutputValidator, toolchains: Mapping[str, Toolchain], build: Build
) -> Validator:
    """Return *about* as a program, built in *box*.

    Raises:
        SandboxError: this host failed.
        ValidatorFault: it can't be built here.
    """
    return Validator(about, await build_package_program(box, about.program, toolchains, build))


async def build_package_program(
    box: Box, program: PackageProgram, toolchains: Mapping[str, Toolchain], build: Build
) -> Program:
    """Return *program*, built in *box*.

    Raises:
        SandboxError: this host failed.
        ValidatorFault: it can't be built here.
    """
    sources = Sources(program.files, program.entry)
    if program.language is None:
        built = await build_by_script(box, sources)
    else:
        toolchain = toolchains.get(program.language)
        if toolchain is None:
            raise ValidatorFault(f"it is in {program.language}, which this machine does not offer")
        built = await build(box, toolchain, sources)
    if isinstance(built, CompileFailure):
        said = built.output[:_SHOWN_BYTES].decode(errors="replace").strip()
        if not built.final:
            # A limit on a crowded host, or what the host lacked: it compiles at the next try.
            raise SandboxError("compile", detail=f"{program.path.name}: {said}")
        raise ValidatorFault(f"it does not compile: {said}")
    return built
