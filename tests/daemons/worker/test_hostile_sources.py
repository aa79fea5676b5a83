"""Sources and names that attack the compiler's side: rows 99 to 106 of the threat table.

A compilation is a run in a box like any other, so all that a program can't do, a compiler can't.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio

from daemons.worker.compiling import CompileFailure, compile_program
from daemons.worker.programs import Program, Sources
from daemons.worker.toolchains import Toolchain, find_toolchains, image_of
from judging.languages import load_languages
from judging.languages.language import CompileLimits
from protocol.messages import SubmissionRequest
from sandbox import Box, Grade, Limits, RunStatus, open_sandbox

#: Enough for what fails at once; what does not is stopped soon, so that the tests are quick.
TIGHT = CompileLimits(
    time_s=0.6, wall_s=60.0, memory_bytes=128 << 20, output_bytes=65_536, processes=32
)
LIMITS = Limits(time_s=5, wall_s=60, memory_bytes=256 << 20, output_bytes=1 << 20)
SECRET = "GAVEL_CANARY_7e1f"


@pytest.fixture
async def toolchains() -> dict[str, Toolchain]:
    """C and C++ of this machine, with little time and memory for compiling."""
    languages = [replace(load_languages()[id_], compile_limits=TIGHT) for id_ in ("c", "cpp")]
    return await find_toolchains(languages)


@pytest.fixture
async def box(toolchains: dict[str, Toolchain]) -> AsyncIterator[Box]:
    """A box that shows what the compilers need."""
    image = image_of(toolchains.values())
    async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
        yield sandbox.boxes[0]


async def build(box: Box, toolchain: Toolchain, code: str) -> Program | CompileFailure:
    """Compile *code*; whatever came of it, the box then compiles an honest program."""
    language = toolchain.language
    found = await compile_program(
        box, toolchain, Sources({language.source: code.encode()}, language.source)
    )
    honest = Sources({language.source: b"int main() { return 0; }"}, language.source)
    usual = replace(toolchain, language=load_languages()[language.id])
    with await compile_program(box, usual, honest) as program:  # type: ignore[union-attr]
        assert (await program.run(box, stdin=b"", limits=LIMITS)).status is RunStatus.OK
    return found


FILES = ("/dev/zero", "/dev/random", "/dev/stdin", "/proc/self/fd/0", "/dev/tty", "/proc/self/mem")


@pytest.mark.parametrize("path", FILES)
async def test_source_that_includes_a_device_is_a_compile_error(
    path: str, box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 99. An endless or odd file as header ends within the compiler's limits."""
    with trio.fail_after(120):
        failure = await build(box, toolchains["c"], f'#include "{path}"\n')
    assert isinstance(failure, CompileFailure)
    # Should the warden be late, the kernel ends it at the next whole second and one more.
    assert failure.time_s < TIGHT.time_s + 2


@pytest.mark.parametrize(
    "code",
    [
        '#include "{path}"\nint main(void) {{}}',
        '__asm__(".incbin \\"{path}\\"");\nint main(void) {{}}',
        '__asm__(".include \\"{path}\\"");\nint main(void) {{}}',
        '#if __has_include("{path}")\n#error it is there\n#endif\nint main(void) {{ nothing }}',
    ],
)
async def test_source_can_not_pull_in_files_of_the_host(
    code: str, box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 100. Files outside the image are not there for the compiler; no message quotes them."""
    with (
        tempfile.TemporaryDirectory(prefix="gavel-", dir="/var/tmp") as folder,
        trio.fail_after(120),
    ):
        secret = Path(folder) / "tests.ans"
        secret.write_text(f"{SECRET}\n")
        os.chmod(folder, 0o755)  # noqa: PTH101 - at once, on a file system of our own
        for path in (secret, "/etc/shadow", "/proc/1/environ"):
            failure = await build(box, toolchains["c"], code.format(path=path))
            assert isinstance(failure, CompileFailure)
            assert SECRET.encode() not in failure.output
            assert b"it is there" not in failure.output or path == "/proc/1/environ"
            assert b"root:" not in failure.output


BOMBS = {
    "templates": "template<int N> struct A { A<N + 1> a; A<N * 2 + 1> b; }; A<1> a; int main() {}",
    "constexpr": (
        "constexpr unsigned long f(unsigned long n) { unsigned long s = 0; while (n--) s += n; return s; }\n"
        "static_assert(f(1ul << 60) == 1); int main() {}"
    ),
    "macros": "\n".join(
        ["#define A0 x"]
        + [f"#define A{i} " + f"A{i - 1} " * 16 for i in range(1, 12)]
        + ["int main() { A11 }"]
    ),
    "messages": "\n".join(f"int v{i} = w{i};" for i in range(4_000)),
    "itself": '#include "main.cpp"\n#include "main.cpp"\n',
}


@pytest.mark.parametrize("name", BOMBS)
async def test_source_that_grows_in_the_compiler_is_stopped(
    name: str, box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 101. Time, memory or output of the compiler ends at its limit; its message is short."""
    with trio.fail_after(120):
        failure = await build(box, toolchains["cpp"], BOMBS[name])
    assert isinstance(failure, CompileFailure)
    assert len(failure.output) <= 2 * 65_536


async def test_artefact_that_is_too_large_is_refused(
    box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 102. A program of gigabytes is a compile error, not a full disk."""
    with trio.fail_after(120):
        failure = await build(box, toolchains["c"], "int a[1 << 28] = {1};\nint main(void) {}")
    assert isinstance(failure, CompileFailure)


async def test_artefacts_that_are_too_large_together_are_refused(
    box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 102. Each would pass, as a class file may; all of them leave no run any room to begin."""
    for script, fits in (
        ("cp /bin/echo main; truncate -s 30M main1", True),
        ("cp /bin/echo main; for n in 1 2 3; do truncate -s 30M main$n; done", False),
    ):
        toolchain = with_compiler(toolchains["c"], script)
        toolchain = replace(toolchain, language=replace(toolchain.language, artefacts=("main*",)))
        with trio.fail_after(120):
            found = await compile_program(box, toolchain, Sources({"main.c": b""}, "main.c"))
            if isinstance(found, Program):
                with found:
                    ran = await found.run(box, stdin=b"", limits=LIMITS)
                assert ran.status is RunStatus.OK
            else:
                assert b"larger than" in found.output
        assert isinstance(found, Program) is fits


def with_compiler(toolchain: Toolchain, script: str) -> Toolchain:
    """Return *toolchain* with a shell script in place of its compiler."""
    command = ("/bin/sh", "-c", script)
    limits = replace(TIGHT, time_s=20.0)
    language = replace(toolchain.language, compile=command, compile_limits=limits)
    return replace(toolchain, language=language)


@pytest.mark.parametrize(
    "script",
    [
        "ln -s /etc/passwd main",
        "ln -s /proc/self/exe main",
        "mkfifo main",
        "mkdir main; cp /bin/echo main/main",
        "rm -rf /box/*; :",
    ],
)
async def test_compiler_that_leaves_no_plain_file_built_nothing(
    script: str, box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 104. A link, pipe or folder in the artefact's place is not followed, opened or run."""
    with trio.fail_after(120):
        found = await compile_program(
            box, with_compiler(toolchains["c"], script), Sources({"main.c": b""}, "main.c")
        )
    assert isinstance(found, CompileFailure)
    assert b"nothing to run" in found.output


async def test_artefact_does_not_change_after_the_compiler_ended(
    box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Rows 11, 103, 104. Code that runs while compiling leaves no process to swap the program.

    It is confined as a program is: it could not even read what no program may.
    """
    script = (
        "cat /etc/shadow /proc/1/environ; cp /bin/echo main;"
        "(setsid sh -c 'while :; do cp /bin/false main; done' >/dev/null 2>&1 &)"
    )
    with trio.fail_after(120):
        found = await compile_program(
            box, with_compiler(toolchains["c"], script), Sources({"main.c": b""}, "main.c")
        )
        assert isinstance(found, Program)
        with found:
            ran = [await found.run(box, stdin=b"", limits=LIMITS, args=("same",)) for _ in range(5)]
    # It may have been swapped before the compiler ended, but is the same ever after.
    assert len({(result.status, result.exit_code, result.stdout) for result in ran}) == 1


NAMES = ("-o", "-fplugin=x.c", "@main.c", "--", "../main.c", "/etc/passwd", "a/b.c", "a b.c", "\n.c", "é.c", ".c", "", "x" * 65)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_file_name_that_could_be_an_option_or_a_path_is_refused(name: str) -> None:
    """Rows 105, 106. No name of a submission's files can mean anything to a compiler or a path."""
    wanted = {
        "problem_id": "p",
        "user_id": "u",
        "language": "c",
        "files": [{"name": name, "content": ""}],
        "entry": name,
    }
    with pytest.raises(msgspec.ValidationError, match=r"name|entry"):
        msgspec.convert(wanted, SubmissionRequest)


async def test_box_takes_no_more_files_than_one_message_carries(
    box: Box, toolchains: dict[str, Toolchain]
) -> None:
    """Row 106. There is no archive to unpack; files beyond the cap are refused before any run."""
    from sandbox import Job, SandboxError

    files = {f"f{number}": b"" for number in range(1000)}
    with trio.fail_after(120), pytest.raises(SandboxError, match="frame"):
        await box.run(Job(argv=("/bin/true",), files=files, limits=LIMITS))
