"""What a run in the sandbox costs, beside the same program started with nothing around it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from benchmarks.bare import run_bare
from benchmarks.measure import Comparison, Effort, at_most_more, benchmark, durations, ratio_at_most
from daemons.worker.compiling import CompileFailure, compile_program
from daemons.worker.programs import Program, Sources, open_boxes
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from sandbox import Box, Grade, Limits, RunStatus

_LIMITS = Limits(time_s=10.0, wall_s=20.0, memory_bytes=256 << 20, output_bytes=1 << 20)


@asynccontextmanager
async def open_program(
    language_id: str, slots: int = 1
) -> AsyncIterator[tuple[Sequence[Box], Program, Toolchain]]:
    """Open a sandbox of so many *slots* and compile the language's `hello` in it."""
    language = load_languages()[language_id]
    toolchain = (await find_toolchains([language]))[language_id]
    async with open_boxes([toolchain], slots=slots, grade=Grade.FULL) as sandbox:
        box = sandbox.boxes[0]
        sources = Sources({language.source: language.hello.encode()}, language.source)
        program = await compile_program(box, toolchain, sources)
        assert not isinstance(program, CompileFailure), program.output
        with program:
            yield sandbox.boxes, program, toolchain


@asynccontextmanager
async def open_hello(slots: int = 1) -> AsyncIterator[tuple[Sequence[Box], Program, Path]]:
    """Open a sandbox with the C `hello` compiled in it, and by the same gcc outside of it."""
    async with open_program("c", slots) as (boxes, program, toolchain):
        with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
            yield boxes, program, await compile_bare(toolchain.language.hello, Path(name))


async def compile_bare(source: str, folder: Path) -> Path:
    """Compile a C program in *folder* with the options that the judge uses."""
    path, binary = folder / "main.c", folder / "main"
    path.write_text(source)
    await trio.run_process(["gcc", "-O2", "-std=gnu17", "-o", str(binary), str(path)])
    return binary


async def run_hello(box: Box, program: Program) -> None:
    """Run *program* once; anything but a clean end is an error."""
    result = await program.run(box, stdin=b"", limits=_LIMITS)
    assert result.status is RunStatus.OK, result


@benchmark(
    "sandboxed-hello",
    ours="run of a compiled hello, all confinement fresh",
    bare="posix_spawn of the same program",
    target=at_most_more(1.5, "ms"),
)
async def sandboxed_hello(effort: Effort) -> Comparison:
    """A C program that prints a line: from handing it over to its result, in turn with bare.

    The next run is parked while the bare program runs, as in an idle system; `hello-rate-1` is
    where the cost of parking shows. Both are compiled by the same gcc with the same options.
    """
    async with open_hello() as ((box,), program, binary):
        return await durations(
            lambda: run_hello(box, program),
            lambda: run_bare([str(binary)], Path("/dev/null")),
            effort.rounds,
        )


@benchmark(
    "sandboxed-python",
    ours="run of a Python hello, all confinement fresh",
    bare="posix_spawn of `python3 hello.py`, the same interpreter",
)
async def sandboxed_python(effort: Effort) -> Comparison:
    """A Python program that prints a line: from handing it over to its result, in turn with bare.

    As `sandboxed-hello`; the interpreter's own start is in both.
    """
    async with open_program("python") as ((box,), program, toolchain):
        with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
            source = Path(name) / "main.py"
            source.write_text(toolchain.language.hello)
            return await durations(
                lambda: run_hello(box, program),
                lambda: run_bare([toolchain.tools["python"], "-B", str(source)], Path("/dev/null")),
                effort.rounds,
            )


@benchmark(
    "sandboxed-java",
    ours="run of a Java hello, all confinement fresh, class data shared",
    bare="posix_spawn of `java -cp . Main`, as it is installed",
    target=ratio_at_most(1.1),
)
async def sandboxed_java(effort: Effort) -> Comparison:
    """A Java program that prints a line: from handing it over to its result, in turn with bare.

    As `sandboxed-hello`; the start of the virtual machine is in both. Fewer rounds.
    """
    async with open_program("java") as ((box,), program, toolchain):
        with tempfile.TemporaryDirectory(prefix="gavel-bench-") as name:
            for file, blob in program.artefacts.items():
                (Path(name) / file).write_bytes(blob.read())
            bare = [toolchain.tools["java"], "-cp", name, Path(toolchain.language.source).stem]
            return await durations(
                lambda: run_hello(box, program),
                lambda: run_bare(bare, Path("/dev/null")),
                max(2, effort.rounds // 10),
            )
