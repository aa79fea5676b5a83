"""What is built ahead: taken where it is right, built once per compiler, and nobody waits for it."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
import trio
from structlog.testing import capture_logs

from daemons.worker.builds import Builds, build_key
from daemons.worker.compiling import CompileFailure
from daemons.worker.prepare import open_prepared_folder, prepare_all, use_prepared
from daemons.worker.programs import Sources
from daemons.worker.toolchains import Toolchain, find_toolchains, image_of
from judging.languages import load_languages
from judging.languages.language import Preparation
from sandbox import Box, Grade, Image, Job, Limits, RunStatus, open_sandbox
from tests.daemons.worker.conftest import PATIENCE_S, Site, eventually

LIMITS = Limits(time_s=5, wall_s=20, memory_bytes=256 << 20, output_bytes=10000)
#: As small as a preparation can be: a header of one line for gcc, and -H to see that it is taken.
HEADER = Preparation(
    files={"p.h": "static int prepared = 42;\n"},
    command=("{gcc}", "-O2", "-std=gnu17", "-x", "c-header", "-o", "p.h.gch", "p.h"),
    artefact="p.h.gch",
    place="p.h.gch",
    options=("-I{folder}",),
)
NEEDS_IT = '#include "p.h"\n#include <stdio.h>\nint main(void) { printf("%d\\n", prepared); }\n'


@pytest.fixture(scope="module")
def toolchains() -> dict[str, Toolchain]:
    """Give this machine's C, C++ and Java."""
    languages = load_languages()
    return trio.run(find_toolchains, [languages[id_] for id_ in ("c", "cpp", "java")])


@pytest.fixture
def small(toolchains: dict[str, Toolchain]) -> Toolchain:
    """Give a C toolchain with the small preparation."""
    return with_preparation(toolchains["c"], HEADER)


def with_preparation(toolchain: Toolchain, preparation: Preparation) -> Toolchain:
    """Return *toolchain* with *preparation* in its language."""
    first, *rest = toolchain.language.compile or ()
    compile_ = (first, "{prepared}", *rest)
    language = dataclasses.replace(toolchain.language, prepared=preparation, compile=compile_)
    return dataclasses.replace(toolchain, language=language)


def source(code: str, name: str) -> Sources:
    """Return a program of one file."""
    return Sources({name: code.encode()}, name)


def prepare(folder: Path, *toolchains: Toolchain) -> tuple[Builds, list[str]]:
    """Prepare in *folder* and return who uses it, and what was logged."""
    builds = Builds(prepared_folder=open_prepared_folder(folder))
    with capture_logs() as logs:
        # Loggers that were used before keep their processors unless they are asked not to.
        structlog.configure(cache_logger_on_first_use=False)
        trio.run(prepare_all, toolchains, builds, show_nobody)
    return builds, [entry["event"] for entry in logs]


def show_nobody(_folder: Path) -> None:
    """Stand in for boxes that nobody has opened yet."""


def image_with(toolchain: Toolchain, folder: Path) -> Image:
    """Return what a program of *toolchain* sees, and *folder*."""
    image = image_of([toolchain])
    return image._replace(shown=(*image.shown, str(folder)))


def compiled(builds: Builds, folder: Path, toolchain: Toolchain, code: Sources) -> bytes:
    """Compile and run, and return what the program, or the compiler that refused it, prints."""

    async def compile_and_run() -> bytes:
        image = image_with(toolchain, folder / "prepared")
        with trio.fail_after(PATIENCE_S):
            async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
                return await run(builds, sandbox.boxes[0], toolchain, code)

    return trio.run(compile_and_run)


async def run(builds: Builds, box: Box, toolchain: Toolchain, code: Sources) -> bytes:
    """Compile and run in *box*."""
    built = await builds.compile(box, toolchain, code)
    if isinstance(built, CompileFailure):
        return built.output
    with built:
        return (await built.run(box, stdin=b"", limits=LIMITS)).stdout


@contextmanager
def cache_folder() -> Iterator[Path]:
    """Give a folder that boxes can show: they have a /tmp of their own."""
    with tempfile.TemporaryDirectory(prefix="gavel-cache-", dir="/var/tmp") as name:
        yield Path(name)


@pytest.fixture
def cache() -> Iterator[Path]:
    """Give a folder to prepare in."""
    with cache_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def real(toolchains: dict[str, Toolchain]) -> Iterator[tuple[Path, Builds]]:
    """Give the folder with what C++ and Java really prepare."""
    with cache_folder() as folder:
        builds, logs = prepare(folder, toolchains["cpp"], toolchains["java"])
        assert logs == ["preparing", "prepared"] * 2
        yield folder, builds


def verbose(toolchain: Toolchain, *options: str) -> Toolchain:
    """Return *toolchain* with more *options* for its compiler."""
    compile_ = (*(toolchain.language.compile or ()), *options)
    language = dataclasses.replace(toolchain.language, compile=compile_)
    return dataclasses.replace(toolchain, language=language)


STOP = "\n#error stop here\n"


@pytest.mark.parametrize(
    ("start", "taken"),
    [
        ("", True),
        ("#define private public\n", False),
        ('#pragma GCC optimize("O3")\n', False),
    ],
)
def test_precompiled_header_is_taken_where_it_is_right(
    real: tuple[Path, Builds], toolchains: dict[str, Toolchain], start: str, taken: bool
) -> None:
    """It is what the compiler reads, unless something before the #include makes it another text."""
    folder, builds = real
    code = source(start + "#include <bits/stdc++.h>" + STOP, "main.cpp")
    printed = compiled(builds, folder, verbose(toolchains["cpp"], "-H"), code)
    assert b"#error stop here" in printed
    assert (b"! " + os.fsencode(folder) in printed) == taken, printed[:400]


@pytest.mark.parametrize(
    ("start", "body", "printed"),
    [
        ("#define ll long long", 'll x = 42; printf("%lld\\n", x);', b"42\n"),
        # Checked iterators end the program; without the macro's effect it would print.
        (
            "#define _GLIBCXX_DEBUG",
            'std::vector<int> v(3); puts(v[3 + rand() % 1] ? "" : "");',
            b"",
        ),
    ],
)
def test_macros_before_the_header_mean_what_they_mean(
    real: tuple[Path, Builds],
    toolchains: dict[str, Toolchain],
    start: str,
    body: str,
    printed: bytes,
) -> None:
    """A program that defines something first runs as it would without the precompiled header."""
    folder, builds = real
    code = f"{start}\n#include <bits/stdc++.h>\nint main() {{ {body} }}\n"
    assert compiled(builds, folder, toolchains["cpp"], source(code, "main.cpp")) == printed


def test_compiler_of_java_takes_its_archive(
    real: tuple[Path, Builds], toolchains: dict[str, Toolchain]
) -> None:
    """Javac maps its classes instead of loading them, and says nothing of it to the program."""
    folder, builds = real
    java = toolchains["java"]
    assert compiled(builds, folder, java, source(java.language.hello, "Main.java")) == (
        b"Hello, Gavel!\n"
    )
    told = compiled(
        builds, folder, verbose(java, "-J-Xlog:class+load"), source("class Main { x }", "Main.java")
    )
    assert b"source: shared objects file (top)" in told
    plain = compiled(builds, folder, java, source("class Main { x }", "Main.java"))
    assert plain.startswith(b"Main.java:1: error"), plain


def test_prepared_once_per_compiler(cache: Path, small: Toolchain) -> None:
    """The next worker finds it; a new compiler gets its own, and the old one's goes."""
    assert prepare(cache, small)[1] == ["preparing", "prepared"]
    builds, logs = prepare(cache, small)
    assert logs == ["prepared"]
    assert compiled(builds, cache, small, source(NEEDS_IT, "main.c")) == b"42\n"
    [old] = (cache / "prepared").iterdir()
    newer = dataclasses.replace(small, identity="another build")
    assert prepare(cache, newer)[1] == ["preparing", "prepared"]
    [new] = (cache / "prepared").iterdir()
    assert new != old


async def test_what_boxes_show_is_not_removed(cache: Path, small: Toolchain) -> None:
    """A worker with another compiler leaves it; the first that comes when nobody shows it does not."""
    builds = Builds(prepared_folder=open_prepared_folder(cache))
    newer = dataclasses.replace(small, identity="another build")

    async def come() -> set[Path]:
        await prepare_all([newer], Builds(prepared_folder=cache / "prepared"), show_nobody)
        return set((cache / "prepared").iterdir())

    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(slots=1, image=image_of([small]), grade=Grade.REDUCED) as sandbox:
            await prepare_all([small], builds, sandbox.show)
            [old] = (cache / "prepared").iterdir()
            assert len(await come()) == 2
            assert await run(builds, sandbox.boxes[0], small, source(NEEDS_IT, "main.c")) == b"42\n"
        assert old not in await come()


async def test_prepared_before_is_used_and_never_built(cache: Path, small: Toolchain) -> None:
    """Who only looks finds what a worker has built, and builds nothing itself."""
    shown: list[Path] = []
    builds = Builds(prepared_folder=open_prepared_folder(cache))
    await use_prepared(small, builds, shown.append)
    assert (shown, list((cache / "prepared").iterdir())) == ([], [])
    await prepare_all([small], Builds(prepared_folder=cache / "prepared"), show_nobody, niceness=0)
    await use_prepared(small, builds, shown.append)
    assert shown == list((cache / "prepared").iterdir())


def test_open_box_shows_what_is_prepared_later(cache: Path, small: Toolchain) -> None:
    """A worker is ready long before: it compiles without, and with it from then on."""

    async def prepare_while_open() -> list[bytes]:
        builds = Builds(prepared_folder=open_prepared_folder(cache))
        image = image_of([small])
        async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
            box, code = sandbox.boxes[0], source(NEEDS_IT, "main.c")
            before = await run(builds, box, small, code)
            await prepare_all([small], builds, sandbox.show)
            return [before, await run(builds, box, small, code)]

    before, after = trio.run(prepare_while_open)
    assert b"p.h: No such file" in before
    assert after == b"42\n"


def test_damaged_preparation_is_built_anew(cache: Path, small: Toolchain) -> None:
    """What does not fit its digest is never handed to a compiler."""
    prepare(cache, small)
    [artefact] = (cache / "prepared").glob("*/p.h.gch")
    artefact.chmod(0o644)
    artefact.write_bytes(artefact.read_bytes()[:-1] + b"?")
    builds, logs = prepare(cache, small)
    assert logs == ["preparing", "prepared"]
    assert compiled(builds, cache, small, source(NEEDS_IT, "main.c")) == b"42\n"


def test_failed_preparation_costs_only_itself(cache: Path, small: Toolchain) -> None:
    """A compiler that can't build it is told of nothing, and compiles as ever."""
    broken = with_preparation(small, dataclasses.replace(HEADER, command=("{gcc}", "-no-such")))
    builds, logs = prepare(cache, broken)
    assert logs == ["preparing", "not prepared"]
    assert compiled(builds, cache, broken, source(small.language.hello, "main.c")) == (
        b"Hello, Gavel!\n"
    )


def test_two_workers_prepare_once(cache: Path, small: Toolchain) -> None:
    """Of workers that start together one builds, the others wait for it."""

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                builds = Builds(prepared_folder=open_prepared_folder(cache))
                nursery.start_soon(prepare_all, [small], builds, show_nobody)

    with capture_logs() as logs:
        structlog.configure(cache_logger_on_first_use=False)
        trio.run(both)
    assert sorted(entry["event"] for entry in logs) == ["prepared", "prepared", "preparing"]


def test_cancelled_preparation_leaves_nothing(cache: Path, small: Toolchain) -> None:
    """A worker that stops meanwhile leaves no process, no half folder and no lock behind."""
    endless = with_preparation(
        small, dataclasses.replace(HEADER, command=("/bin/sh", "-c", "while :; do :; done"))
    )

    async def give_up() -> None:
        with trio.move_on_after(0.5):
            builds = Builds(prepared_folder=open_prepared_folder(cache))
            await prepare_all([endless], builds, show_nobody)

    trio.run(give_up)
    assert list((cache / "prepared").iterdir()) == []
    assert prepare(cache, small)[1] == ["preparing", "prepared"]


def test_programs_can_not_change_what_is_prepared(cache: Path, small: Toolchain) -> None:
    """Every box shows it, read-only: a program that could write there would own the next one."""
    prepare(cache, small)
    folder = cache / "prepared"
    [place] = folder.iterdir()
    script = f"""
import os
for path in {str(folder)!r}, {str(place)!r}, {str(place / "p.h.gch")!r}:
    print(os.path.exists(path), os.access(path, os.W_OK))
    for attempt in (lambda: os.chmod(path, 0o777), lambda: os.rename(path, path + "x"),
                    lambda: open(path + "/x" if os.path.isdir(path) else path, "w")):
        try:
            attempt()
            print("changed", path)
        except OSError:
            pass
"""

    async def attack() -> bytes:
        image = image_with(small, folder)
        async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
            job = Job(argv=("/usr/bin/python3", "-c", script), limits=LIMITS)
            result = await sandbox.boxes[0].run(job)
            assert result.status is RunStatus.OK, result
            return result.stdout

    assert trio.run(attack) == b"True False\n" * 3


def test_prepared_or_not_the_key_is_the_same(small: Toolchain, cache: Path) -> None:
    """What was compiled before the header was there is known after it."""
    plain = build_key(small, source(NEEDS_IT, "main.c"))
    Builds().use("c", cache)
    assert build_key(small, source(NEEDS_IT, "main.c")) == plain


async def test_worker_uses_what_is_prepared(site: Site, real: tuple[Path, Builds]) -> None:
    """A worker is ready before it, takes it as it comes, and judges with it."""
    worker = await site.open_worker(prepare="true", cache_dir=f'"{real[0]}"')
    await eventually(lambda: sum(line["event"] == "prepared" for line in worker.logs()) == 2)
    assert not worker.logged("preparing")
    code = "#include <bits/stdc++.h>\nint main() { std::string s; std::getline(std::cin, s); std::cout << s; }"
    assert (await site.verdict(await site.submit(code, "cpp"))).verdict == "accepted"
