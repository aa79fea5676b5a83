"""Builds: what is known is not compiled again, and nobody gets what another's source made."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from daemons.worker.builds import Builds, build_key
from daemons.worker.compiling import CompileFailure
from daemons.worker.programs import Program, Sources
from daemons.worker.shelf import Shelf
from daemons.worker.toolchains import Toolchain, find_toolchains, image_of
from judging.languages import load_languages
from sandbox import Box, Grade, Job, Limits, Result, RunStatus, Sandbox, open_sandbox

LIMITS = Limits(time_s=5, wall_s=20, memory_bytes=64 << 20, output_bytes=1000)
GOOD = '#include <stdio.h>\nint main(void) { puts("good"); }\n'
BAD = "int main(void) { return x; }\n"
#: Takes the compiler most of a second, unless it is killed.
SLOW = "int x[1 << 22] = {" + "1," * (1 << 18) + "};\nint main(void) { }\n"


def kept_in(folder: Path) -> list[Path]:
    """Return the files on the shelf."""
    return list(folder.iterdir())


def source(code: str, name: str = "main.c") -> Sources:
    """Return a program of one file."""
    return Sources({name: code.encode()}, name)


@pytest.fixture(scope="module")
def gcc() -> Toolchain:
    """Give the C toolchain of this machine."""
    language = load_languages()["c"]
    return trio.run(find_toolchains, [language])["c"]


@pytest.fixture
async def sandbox(gcc: Toolchain) -> AsyncIterator[Sandbox]:
    """Give a real sandbox of two boxes, within a bound."""
    with trio.fail_after(120):
        async with open_sandbox(slots=2, image=image_of([gcc]), grade=Grade.REDUCED) as sandbox:
            yield sandbox


class Counting:
    """A box that counts what it runs."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.runs: list[Job] = []
        self.running = trio.Event()

    async def run(self, job: Job) -> Result:
        """Run it, and count it."""
        self.runs.append(job)
        self.running.set()
        return await self._box.run(job)


async def output(program: Program | CompileFailure, box: Box) -> bytes:
    """Run the program and return what it prints."""
    assert isinstance(program, Program), program
    with program:
        return (await program.run(box, stdin=b"", limits=LIMITS)).stdout


async def test_known_program_is_not_compiled_again(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """The same source compiles once, also for the next process; another one is compiled."""
    box = Counting(sandbox.boxes[0])
    for builds in (builds_at(tmp_path), builds_at(tmp_path)):
        for _ in range(2):
            program = await builds.compile(box, gcc, source(GOOD))
            assert await output(program, sandbox.boxes[1]) == b"good\n"
    assert len(box.runs) == 1
    other = await builds.compile(box, gcc, source(GOOD.replace("good", "other")))
    assert await output(other, sandbox.boxes[1]) == b"other\n"
    assert len(box.runs) == 2


def builds_at(folder: Path) -> Builds:
    """Return builds that are kept in *folder*."""
    return Builds(Shelf(folder, 1 << 24))


async def test_refusal_is_known_as_well(tmp_path: Path, sandbox: Sandbox, gcc: Toolchain) -> None:
    """A compile error comes again with the same words, and without a compiler."""
    box = Counting(sandbox.boxes[0])
    builds = builds_at(tmp_path)
    first, second = [await builds.compile(box, gcc, source(BAD)) for _ in range(2)]
    assert isinstance(first, CompileFailure)
    assert isinstance(second, CompileFailure)
    assert first.output == second.output
    assert b"undeclared" in first.output
    assert len(box.runs) == 1


async def test_compiler_that_ran_into_a_limit_is_tried_again(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """What was killed says nothing of the program: a busier machine would have done it, too."""
    limits = dataclasses.replace(gcc.language.compile_limits, time_s=0.01)
    language = dataclasses.replace(gcc.language, compile_limits=limits)
    hurried = dataclasses.replace(gcc, language=language)
    box = Counting(sandbox.boxes[0])
    builds = builds_at(tmp_path)
    for _ in range(2):
        failure = await builds.compile(box, hurried, source(GOOD))
        assert isinstance(failure, CompileFailure)
        assert not failure.final
    assert len(box.runs) == 2
    assert kept_in(tmp_path) == []


async def test_compiler_that_blames_the_host_is_tried_again(tmp_path: Path, gcc: Toolchain) -> None:
    """A compiler that got no memory or process ends with exit code 1 as for an error of the program."""
    output = b"gcc: fatal error: Killed signal terminated program cc1"

    class Wanting:
        async def run(self, _job: Job) -> Result:
            return Result(
                ended_s=0.0,
                status=RunStatus.RUNTIME_ERROR, stdout=b"", stderr=output, exit_code=1, signal=None,
                time_s=0.1, wall_s=0.1, memory_bytes=1, files={}, tier="exec", grade=Grade.FULL,
                memory_source="cgroup",
            )  # fmt: skip

    failure = await builds_at(tmp_path).compile(Wanting(), gcc, source(GOOD))
    assert isinstance(failure, CompileFailure)
    assert failure.output == output
    assert kept_in(tmp_path) == []


async def test_equal_programs_at_once_compile_once(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """The second waits for the first and gets a program of its own."""
    boxes = [Counting(box) for box in sandbox.boxes]
    builds = builds_at(tmp_path)
    printed: list[bytes] = []

    async def compile_and_run(box: Counting) -> None:
        program = await builds.compile(box, gcc, source(GOOD))
        printed.append(await output(program, box))

    async with trio.open_nursery() as nursery:
        for box in boxes:
            nursery.start_soon(compile_and_run, box)
    assert printed == [b"good\n"] * 2
    compilations = [job for box in boxes for job in box.runs if job.collect]
    assert len(compilations) == 1
    assert not builds._compiling


async def test_cancelled_compiler_leaves_its_work_to_who_waits(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """Who waits for another's compiler neither hangs nor fails when that one is cancelled."""
    first, second = (Counting(box) for box in sandbox.boxes)
    builds = builds_at(tmp_path)
    built: list[Program | CompileFailure] = []

    async def wait_and_compile() -> None:
        built.append(await builds.compile(second, gcc, source(SLOW)))

    async with trio.open_nursery() as nursery, trio.open_nursery() as cancelled:
        cancelled.start_soon(builds.compile, first, gcc, source(SLOW))
        await first.running.wait()
        nursery.start_soon(wait_and_compile)
        await trio.testing.wait_all_tasks_blocked()
        assert not second.runs
        cancelled.cancel_scope.cancel()
    [program] = built
    assert isinstance(program, Program)
    program.__exit__(None, None, None)
    assert (len(first.runs), len(second.runs)) == (1, 1)
    assert not builds._compiling


async def test_cancelled_waiter_leaves_the_compiler_alone(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """Who gives up waiting disturbs nobody."""
    first, second = (Counting(box) for box in sandbox.boxes)
    builds = builds_at(tmp_path)
    async with trio.open_nursery() as nursery:
        built: list[Program | CompileFailure] = []

        async def compile_() -> None:
            built.append(await builds.compile(first, gcc, source(GOOD)))

        nursery.start_soon(compile_)
        await first.running.wait()
        with trio.CancelScope() as scope:
            scope.cancel()
            await builds.compile(second, gcc, source(GOOD))
        assert scope.cancelled_caught
    assert await output(built[0], sandbox.boxes[0]) == b"good\n"
    assert not second.runs
    assert not builds._compiling


async def test_damaged_build_is_compiled_anew(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """A file that was changed on disk is never run."""
    builds = builds_at(tmp_path)
    box = Counting(sandbox.boxes[0])
    for damage in (False, True):
        for path in kept_in(tmp_path) if damage else ():
            path.write_bytes(path.read_bytes().replace(b"good", b"evil"))
        program = await builds.compile(box, gcc, source(GOOD))
        assert await output(program, sandbox.boxes[1]) == b"good\n"
    assert len(box.runs) == 2


async def test_program_is_closed_when_keeping_it_is_cancelled(
    tmp_path: Path, sandbox: Sandbox, gcc: Toolchain
) -> None:
    """A build that nobody gets holds no file open."""
    with trio.CancelScope() as scope:

        class Late(Counting):
            async def run(self, job: Job) -> Result:
                result = await super().run(job)
                kept.update(result.files)
                scope.cancel()
                return result

        kept: dict[str, object] = {}
        await builds_at(tmp_path).compile(Late(sandbox.boxes[0]), gcc, source(GOOD))
    assert scope.cancelled_caught
    assert [getattr(blob, "fd", None) for blob in kept.values()] == [-1]


def test_key_tells_apart_all_that_the_compiler_is_given(gcc: Toolchain) -> None:
    """Sources and their names and order, flags, limits, environment, the compiler itself; no path."""
    language = gcc.language
    limits = dataclasses.replace(language.compile_limits, memory_bytes=1 << 20)
    variants = [
        (gcc, source("a")),
        (gcc, source("b")),
        (gcc, source("a", "b.c")),
        (gcc, Sources({"main.c": b"a", "b.c": b""}, "main.c")),
        (gcc, Sources({"b.c": b"", "main.c": b"a"}, "main.c")),
        (gcc, Sources({"main.c": b"", "b.c": b"a"}, "main.c")),
        (dataclasses.replace(gcc, identity="newer"), source("a")),
        *(
            (
                dataclasses.replace(gcc, language=dataclasses.replace(language, **change)),
                source("a"),
            )
            for change in (
                {"compile": (*(language.compile or ()), "-g")},
                {"compile_limits": limits},
                {"env": {"LANG": "C"}},
            )
        ),
    ]
    keys = [build_key(*variant) for variant in variants]
    assert len(set(keys)) == len(keys)
    elsewhere = dataclasses.replace(gcc, tools={"gcc": "/opt/bin/gcc"})
    assert build_key(elsewhere, source("a")) == keys[0]


async def test_without_a_shelf_everything_is_compiled(sandbox: Sandbox, gcc: Toolchain) -> None:
    """`cache_bytes = 0` keeps nothing."""
    box = Counting(sandbox.boxes[0])
    for _ in range(2):
        assert await output(await Builds().compile(box, gcc, source(GOOD)), box) == b"good\n"
    assert len([job for job in box.runs if job.collect]) == 2
