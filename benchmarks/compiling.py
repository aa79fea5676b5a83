"""What compiling costs in the sandbox, beside the same compiler started with nothing around it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.bare import run_bare
from benchmarks.measure import Comparison, Effort, benchmark, durations, ratio_at_most
from daemons.worker.builds import Builds
from daemons.worker.compiling import CompileFailure
from daemons.worker.prepare import open_prepared_folder, prepare_all
from daemons.worker.programs import Sources, open_boxes
from daemons.worker.shelf import Shelf
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from sandbox import Box, Grade

_NOTHING = Path("/dev/null")
#: One C++ compilation takes seconds, so there are fewer of them than of other samples.
_FEWER = 40
_FEW = 10
_SHELF_BYTES = 1 << 24
#: Bare programs get no PATH.
_FIND_LD = ["-B", "/usr/bin"]
_CPP = """
#include <bits/stdc++.h>
using namespace std;
int main() {
    int n;
    cin >> n;
    vector<pair<int, string>> all(n);
    for (auto& [key, name] : all) cin >> key >> name;
    sort(all.begin(), all.end());
    map<string, int> counts;
    for (auto& [key, name] : all) counts[name] += key;
    for (auto& [name, count] : counts) cout << name << ' ' << count << '\\n';
}
"""


@asynccontextmanager
async def _open_compiler(
    language_id: str, *, prepare: bool = False, keep: bool = False
) -> AsyncIterator[tuple[Box, Builds, Toolchain, Path]]:
    """Open a sandbox of one slot, what compiles in it, and a folder for bare runs."""
    toolchain = (await find_toolchains([load_languages()[language_id]]))[language_id]
    # Not in /tmp: boxes have one of their own in that place.
    with tempfile.TemporaryDirectory(prefix="gavel-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        shelf = Shelf(folder / "builds", _SHELF_BYTES) if keep else None
        builds = Builds(shelf, open_prepared_folder(folder) if prepare else None)
        async with open_boxes([toolchain], slots=1, grade=Grade.FULL) as sandbox:
            await prepare_all([toolchain], builds, sandbox.show)
            yield sandbox.boxes[0], builds, toolchain, folder


async def _compile(builds: Builds, box: Box, toolchain: Toolchain, code: str) -> None:
    name = toolchain.language.source
    built = await builds.compile(box, toolchain, Sources({name: code.encode()}, name))
    assert not isinstance(built, CompileFailure), built.output
    built.__exit__(None, None, None)


async def _beside_bare(
    language_id: str, code: str, options: list[str], rounds: int, **wanted: bool
) -> Comparison:
    """Compile *code* as a worker does, in turn with the compiler and *options*."""
    async with _open_compiler(language_id, **wanted) as (box, builds, toolchain, folder):
        (folder / toolchain.language.source).write_text(code)
        assert toolchain.language.compile is not None
        compiler = toolchain.tools[toolchain.language.compile[0].strip("{}")]
        bare = [compiler, *options, str(folder / toolchain.language.source)]
        bare = [part.replace("FOLDER", str(folder)) for part in bare]
        return await durations(
            lambda: _compile(builds, box, toolchain, code),
            lambda: run_bare(bare, _NOTHING),
            max(2, rounds),
            warm_up=1,
        )


@benchmark(
    "compile-cpp",
    ours="compile of a C++ program with bits/stdc++.h, precompiled, in the sandbox",
    bare="`g++ -O2 -std=gnu++20` of the same program",
    target=ratio_at_most(0.4),
)
async def compile_cpp(effort: Effort) -> Comparison:
    """From handing the source over to having the program, in turn with bare g++.

    The header is precompiled before, once, as a worker does after its start. Fewer rounds.
    """
    options = [*_FIND_LD, "-O2", "-std=gnu++20", "-o", "FOLDER/main"]
    return await _beside_bare("cpp", _CPP, options, effort.rounds // _FEWER, prepare=True)


@benchmark(
    "compile-known",
    ours="a C program that was compiled before",
    bare="`gcc -O2` of the same program",
    target=ratio_at_most(0.1),
)
async def compile_known(effort: Effort) -> Comparison:
    """From handing the source over to having the program from the shelf, in turn with bare gcc."""
    code = load_languages()["c"].hello
    options = [*_FIND_LD, "-O2", "-std=gnu17", "-o", "FOLDER/main"]
    return await _beside_bare("c", code, options, effort.rounds // _FEW, keep=True)


@benchmark(
    "compile-java",
    ours="compile of a Java hello in the sandbox, javac's classes archived",
    bare="`javac` of the same program",
    target=ratio_at_most(1.0),
)
async def compile_java(effort: Effort) -> Comparison:
    """As `compile-cpp`; the archive of javac's classes is made before, once."""
    code = load_languages()["java"].hello
    options = ["-d", "FOLDER"]
    return await _beside_bare("java", code, options, effort.rounds // _FEWER, prepare=True)
