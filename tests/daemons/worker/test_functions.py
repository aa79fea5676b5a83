"""Functions in every language that has a harness, and programs that attack it, in the sandbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest
import trio

from daemons.worker.compiling import CompileFailure, compile_program
from daemons.worker.programs import Sources, open_boxes
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.function import Function, Parameter
from judging.languages import load_languages
from protocol.messages import SubmissionRequest
from sandbox import Box, Grade, Limits, Result, RunStatus

LIMITS = Limits(time_s=5, wall_s=30, memory_bytes=128 << 20, output_bytes=1 << 20)
PATIENCE_S = 240.0
#: One value of each type; the function returns one of them.
VALUES = {
    "half": ("float", "-0.5"),
    "big": ("long", "9007199254740991"),
    "words": ("string[][]", '[["é😀", ""], [], ["\\n x"]]'),
    "flags": ("bool[]", "[true, false]"),
    "items": ("ListNode", "[3, 1, 2]"),
    "root": ("TreeNode", "[1, null, 2, 3]"),
}
PARAMETERS = tuple(Parameter(name, type_) for name, (type_, _) in VALUES.items())
INPUT = "".join(f"{text}\n" for _, text in VALUES.values()).encode()
WITH_HARNESS = [
    language
    for language in load_languages().values()
    if language.function is not None and language.variant_of is None
]
RIGHT = Function("answer", (Parameter("n", "int"),), "int")


class Bench(NamedTuple):
    """A box, and the languages that it can show."""

    box: Box
    toolchains: Mapping[str, Toolchain]

    async def call(
        self, function: Function, language_id: str, code: str, given: bytes
    ) -> Result | CompileFailure:
        """Run the submission *code* on one test."""
        request = SubmissionRequest(problem_id="p", user_id="u", language=language_id, code=code)
        toolchain = self.toolchains[language_id]
        program = await compile_program(
            self.box, toolchain, Sources.of(request, toolchain, function)
        )
        if isinstance(program, CompileFailure):
            return program
        with program:
            return await program.run(self.box, stdin=function.message(given), limits=LIMITS)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Open a box for what this machine has of the languages with a harness."""
    toolchains = await find_toolchains(WITH_HARNESS)
    assert {"python", "cpp"} <= set(toolchains)
    async with open_boxes(toolchains.values(), slots=1, grade=Grade.REDUCED) as sandbox:
        yield Bench(sandbox.boxes[0], toolchains)


def returning(function: Function, language_id: str, expression: str) -> str:
    """Return the starter code of *function*, filled in."""
    harness = load_languages()[language_id].function
    assert harness is not None
    starter = harness.starter_for(function)
    if language_id == "python":
        return starter.replace("pass", f"print('noise')\n        return {expression}")
    return re.sub(r"\{\s*\}", f"{{ return {expression}; }}", starter, count=1)


async def test_each_type_goes_in_and_out_in_each_language(bench: Bench) -> None:
    """The starter code with `return X;` in it is right for every type X."""
    wrong = {}
    with trio.fail_after(PATIENCE_S):
        for language_id in bench.toolchains:
            for name in (
                "words",
                "items",
                "root",
                *(
                    ("half", "big", "flags")
                    if language_id in {"python", "javascript", "java"}
                    else ()
                ),
            ):
                type_, text = VALUES[name]
                function = Function("giveBack", PARAMETERS, type_)
                code = returning(function, language_id, name)
                result = await bench.call(function, language_id, code, INPUT)
                if isinstance(result, CompileFailure):
                    wrong[language_id, name] = result.output.decode()
                elif not function.check(result.stdout, text.encode()).accepted:
                    wrong[language_id, name] = repr(result)
    assert wrong == {}


SOLUTION = "class Solution:\n    def answer(self, n):\n        "
#: For each attack the language, the code, and all that it gets out where that is not much.
ATTACKS = {
    "ends early": ("python", "import os\nos._exit(0)\n", b""),
    "ends in the call": ("python", f"import os\n{SOLUTION}os._exit(0)\n", b""),
    "replies before the harness, too": (
        "python",
        f"""
import os
for fd in range(3, 20):
    try:
        os.write(fd, b"1\\n7\\n")
    except OSError:
        pass
{SOLUTION}return 7
""",
        None,
    ),
    "replies after the harness, too": (
        "python",
        f"""
import atexit, os
kept = []
for fd in range(3, 20):
    try:
        kept.append(os.dup(fd))
    except OSError:
        pass
@atexit.register
def more():
    for fd in kept:
        os.write(fd, b"1\\n7\\n")
{SOLUTION}return 7
""",
        None,
    ),
    "prints a reply": ("python", f"{SOLUTION}print('1\\n7')\n        return 6\n", b"1\n6\n"),
    "prints a reply in C++ and ends": (
        "cpp",
        'struct Solution { int answer(int n) { puts("1\\n7"); fflush(stdout); _exit(0); } };\n',
        b"",
    ),
    "looks for more input": (
        "python",
        f"import sys\n{SOLUTION}return len(sys.stdin.read())",
        b"1\n0\n",
    ),
}


@pytest.mark.parametrize("name", list(ATTACKS))
async def test_no_attack_on_the_harness_scores(bench: Bench, name: str) -> None:
    """The answer would be 7; whoever does not return it, or writes besides, gets nothing."""
    language_id, code, output = ATTACKS[name]
    with trio.fail_after(PATIENCE_S):
        result = await bench.call(RIGHT, language_id, code, b"1")
    assert isinstance(result, Result)
    assert output is None or result.stdout == output
    assert not (result.status is RunStatus.OK and RIGHT.check(result.stdout, b"7").accepted)


async def test_prints_would_be_replies_without_the_harness_guard(bench: Bench) -> None:
    """The guard off: where prints are not put aside, what is printed is taken for the reply."""
    toolchain = bench.toolchains["python"]
    harness = toolchain.language.function
    assert harness is not None
    (entry,) = (name for name in harness.files if name == harness.entry)
    open_files = {entry: harness.files[entry].replace("    os.dup2(2, 1)\n", "")}
    assert open_files != {entry: harness.files[entry]}
    open_language = replace(
        toolchain.language, function=replace(harness, files={**harness.files, **open_files})
    )
    unguarded = Bench(bench.box, {"python": replace(toolchain, language=open_language)})
    code = f"import os\n{SOLUTION}print('1\\n7', flush=True); os._exit(0)"
    with trio.fail_after(PATIENCE_S):
        guarded = await bench.call(RIGHT, "python", code, b"1")
        naked = await unguarded.call(RIGHT, "python", code, b"1")
    assert isinstance(guarded, Result)
    assert not RIGHT.check(guarded.stdout, b"7").accepted
    assert isinstance(naked, Result)
    assert RIGHT.check(naked.stdout, b"7").accepted


@pytest.mark.parametrize("extra", [b"1\n7\n", b"7", b"\n"])
def test_reply_is_one_message_and_no_more(extra: bytes) -> None:
    """The guard that is outside: a right reply with anything before or behind it is none."""
    assert RIGHT.check(b"1\n7\n", b"7").accepted
    assert not RIGHT.check(b"1\n7\n" + extra, b"7").accepted
    assert not RIGHT.check(extra + b"1\n7\n", b"7").accepted


async def test_error_names_the_line_of_the_solution(bench: Bench) -> None:
    """What the compiler says is about what was sent in, not about the harness."""
    with trio.fail_after(PATIENCE_S):
        broken = await bench.call(
            RIGHT, "cpp", "class Solution {\npublic:\n  int answer(int n) { x; }\n};\n", b"1"
        )
    assert isinstance(broken, CompileFailure)
    assert b"solution.hpp:3:" in broken.output
