"""A program can't tell the tiers apart by what it prints or how it ends.

The exec tier is the truth: what a program does in the fork tier must be the same byte for byte, but
for addresses.
"""

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import find_toolchains
from judging.languages import load_languages
from sandbox import Box, Grade, Job, Limits, Result, Tier
from sandbox.parking import RUNS_PER_START
from sandbox.warden import SPARES

from .corpus import PROGRAMS, STDIN

LIMITS = Limits(
    time_s=10, wall_s=30, memory_bytes=256 << 20, output_bytes=1 << 20, stack_bytes=256 << 20
)
_ADDRESS = re.compile(rb"0x[0-9a-f]{4,}|started [0-9]+")
PATIENCE_S = 240


@asynccontextmanager
async def open_pair(cores: Sequence[int] = ()) -> AsyncIterator[Sequence[Box]]:
    """Open two boxes as the worker does, with its Python kept started."""
    toolchains = await find_toolchains([load_languages()["python"]])
    opening = open_boxes(toolchains.values(), slots=2, grade=Grade.REDUCED, cores=cores)
    async with opening as sandbox:
        yield sandbox.boxes


async def run_program(box: Box, code: str, tier: Tier, *, floats: bool = False) -> Result:
    """Run *code* in one tier."""
    command = box.interpreter
    assert command is not None
    return await box.run(
        Job(
            argv=command.argv,
            env=command.env,
            files={"main.py": code.encode("utf-8", "surrogatepass")},
            stdin=STDIN,
            limits=LIMITS,
            tier=tier,
            floats=floats,
        )
    )


def behaviour(result: Result) -> tuple[object, ...]:
    """Return what can be seen of a run from outside."""
    stdout, stderr = (_ADDRESS.sub(b"0x", text) for text in (result.stdout, result.stderr))
    return result.status, result.exit_code, result.signal, stdout, stderr


async def find_differences(boxes: Sequence[Box], programs: Sequence[str]) -> list[str]:
    """Run each program in both tiers, one beside the other; return those that could tell."""
    different = []

    async def run_one(box: Box, tier: Tier) -> None:
        found[tier] = await run_program(box, program, tier)
        assert found[tier].tier == tier

    for program in programs:
        found: dict[Tier, Result] = {}
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run_one, boxes[0], "exec")
                nursery.start_soon(run_one, boxes[1], "fork")
        exec_, fork = behaviour(found["exec"]), behaviour(found["fork"])
        if exec_ != fork:
            different.append(f"{program}\nexec: {exec_}\nfork: {fork}")
    return different


async def test_programs_can_not_tell_the_tiers_apart() -> None:
    """Endings, code, state of the interpreter, streams, processes: all the same."""
    async with open_pair() as boxes:
        different = await find_differences(boxes, PROGRAMS)
    assert not different, "\n\n".join(different)


async def test_interpreter_starts_anew_after_many_runs() -> None:
    """What one program learns of the memory's layout is of no use to those after the next start.

    The start comes while two runs that were forked before it are still to come; one of them here
    outlasts it, so that nobody asks the new interpreter for anything at first.
    """
    code = "import sys\nprint(id(sys.modules))"
    programs = [code] * (RUNS_PER_START + 3)
    programs[RUNS_PER_START - SPARES] += "\nimport time\ntime.sleep(1)"
    async with open_pair() as (box, _):
        seen = [(await run_program(box, program, "fork")).stdout for program in programs]
    starts = [number for number, place in enumerate(seen) if place not in seen[:number]]
    assert len(starts) == 2
    assert starts[0] == 0
    assert starts[1] == RUNS_PER_START


names = st.sampled_from(["a", "b", "items"])
values = st.one_of(
    st.integers(-(2**65), 2**65).map(repr),
    st.floats().map(repr).map("float('{}')".format),
    st.text(max_size=5).map(repr),
    st.binary(max_size=4).map(repr),
    names,
    st.sampled_from(
        ["input()", "[*range(5)]", "{'x', 'y'}", "sys.argv", "__name__", "exit", "None"]
    ),
)
expressions = st.recursive(
    values,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "==", "in", "and"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map("str({})".format),
        inner.map("len({})".format),
        st.tuples(inner, inner).map("[{0[0]}, {0[1]}]".format),
    ),
    max_leaves=4,
)
statements = st.one_of(
    expressions.map("print({})".format),
    expressions.map("print({}, file=sys.stderr)".format),
    st.tuples(names, expressions).map("{0[0]} = {0[1]}".format),
    expressions.map("raise SystemExit({})".format),
    expressions.map("raise ValueError({})".format),
    expressions.map("atexit.register(print, {})".format),
    st.tuples(expressions, expressions).map("if {0[0]}: print({0[1]})".format),
    st.tuples(expressions, expressions).map(
        "try:\n  print({0[0]})\nexcept Exception as e:\n  print(e, {0[1]})".format
    ),
    expressions.map("def f(x=3):\n  return {0}\nprint(f())".format),
    # Waited for: who of two that write at once comes first is luck, and luck tells no tiers apart.
    expressions.map("t = threading.Thread(target=lambda: print({}))\nt.start()\nt.join()".format),
    st.text(max_size=8).filter(lambda text: "\r" not in text),  # mostly no code at all
)
programs = st.lists(statements, min_size=1, max_size=5).map(
    lambda lines: "\n".join(["import atexit, sys, threading", "a = b = items = 1", *lines])
)


@given(st.lists(programs, min_size=12, max_size=12))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_programs_made_up_can_not_tell_the_tiers_apart(made_up: list[str]) -> None:
    """Whatever is put together of prints, errors, exits, threads and noise does the same."""

    async def compare() -> list[str]:
        async with open_pair() as boxes:
            return await find_differences(boxes, made_up)

    different = trio.run(compare)
    assert not different, "\n\n".join(different)


#: A program that tells where it may run, and where one may that it starts.
WHERE = """
import os, subprocess
print(os.sched_getaffinity(0), flush=True)
subprocess.run(["/usr/bin/env", "python3", "-c", "import os; print(os.sched_getaffinity(0))"])
"""


async def test_programs_stay_on_the_core_of_their_box() -> None:
    """In both tiers, with all that they start; what may float floats, as all do without cores."""
    allowed = sorted(os.sched_getaffinity(0))
    cores = [allowed[-1], allowed[0]]
    everywhere = f"{set(allowed)}\n".encode() * 2
    with trio.fail_after(PATIENCE_S):
        for given_cores in (cores, ()):
            async with open_pair(given_cores) as boxes:
                for box in boxes:
                    pinned = f"{ {cores[box.id]} }\n".encode() * 2
                    for tier in ("fork", "exec"):
                        found = await run_program(box, WHERE, tier)
                        assert found.stdout == (pinned if given_cores else everywhere), found
                    found = await run_program(box, WHERE, "exec", floats=True)
                    assert found.stdout == everywhere


async def test_program_runs_where_its_core_is_gone() -> None:
    """A core that was taken from the host since is no reason to fail."""
    async with open_pair([4000, 4001]) as boxes:
        with trio.fail_after(PATIENCE_S):
            found = await run_program(boxes[0], "print(1)", "fork")
    assert found.stdout == b"1\n"
