"""Interactive problems in real boxes: no deadlock whoever stops first, and the right one is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from judging.package import Problem
from sandbox import Grade, Sandbox
from tests.daemons.worker.packages import HEAD, Judge, verdicts, write_package

LIMITS = "limits: {time_limit: 10, memory: 64, validation_time: 5}\n"
INTERACTIVE = HEAD + "type: interactive\n" + LIMITS
#: Thinks of the input's number and answers "lower" or "higher"; twenty guesses.
GUESS = """\
import sys

number = int(open(sys.argv[1]).read())
for _ in range(20):
    line = sys.stdin.readline()
    if not line.strip().isdigit():
        open(sys.argv[3] + "judgemessage.txt", "w").write(f"no guess: {line!r}")
        sys.exit(43)
    guess = int(line)
    print("right" if guess == number else "lower" if guess > number else "higher", flush=True)
    if guess == number:
        sys.exit(42)
sys.exit(43)
"""
SEARCH = """\
low, high = 0, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    answer = input()
    if answer == "right":
        break
    low, high = (low, middle - 1) if answer == "lower" else (middle + 1, high)
"""
SEARCH_CPP = """\
#include <iostream>
#include <string>
int main() {
    int low = 0, high = 1000;
    std::string answer;
    do {
        int middle = (low + high) / 2;
        std::cout << middle << std::endl;
        std::cin >> answer;
        (answer == "lower" ? high : low) = answer == "lower" ? middle - 1 : middle + 1;
    } while (answer != "right");
}
"""


@pytest.fixture(scope="module")
def toolchains() -> dict[str, Toolchain]:
    """Give the toolchains that these tests use."""
    return trio.run(find_toolchains, [load_languages()[name] for name in ("python", "cpp")])


@pytest.fixture
async def sandbox(toolchains: dict[str, Toolchain]) -> AsyncIterator[Sandbox]:
    """Give a real sandbox of one box, within a bound."""
    with trio.fail_after(120):
        async with open_boxes(toolchains.values(), slots=1, grade=Grade.REDUCED) as sandbox:
            yield sandbox


@pytest.fixture
def judge(sandbox: Sandbox, toolchains: dict[str, Toolchain], tmp_path: Path) -> Judge:
    """Give a judge that works in its box."""
    return Judge(sandbox.boxes[0], toolchains, tmp_path)


def interactive(folder: Path, validator: str = GUESS, head: str = INTERACTIVE) -> Problem:
    """Write a package whose validator talks with programs."""
    files = {"problem.yaml": head, "output_validator/validate.py": validator}
    return write_package(folder, {**files, "data/sample/1.interaction": ">5\n<lower\n>3\n<right\n"})


async def test_program_and_validator_talk(judge: Judge, tmp_path: Path) -> None:
    """Question and answer, in any language; the statement shows the conversation of the sample."""
    problem = interactive(tmp_path)
    assert (await judge.judge(problem, SEARCH)).verdict == "accepted"
    assert (await judge.judge(problem, SEARCH_CPP, "cpp")).verdict == "accepted"
    assert [(s.interaction, s.input) for s in problem.samples] == [(True, "")]
    assert problem.samples[0].output == ">5\n<lower\n>3\n<right\n"
    assert judge.faults == []


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        # The validator has had enough; that the program then falls over its input is no crash.
        ("print('no number', flush=True)\ninput()", "wrong_answer"),
        ("while True: print(1, flush=True); input()", "wrong_answer"),
        ("pass", "wrong_answer"),
        # The program fails while the validator waits for it.
        ("print(5, flush=True)\nexit(3)", "runtime_error"),
        ("import os\nprint(5, flush=True)\nos.abort()", "runtime_error"),
        # Its conversation was fine; what it does afterwards is its own again.
        (SEARCH + "exit(3)", "runtime_error"),
        # It talks on when nobody listens.
        (SEARCH + "print('thank you')\nprint('bye', flush=True)", "accepted"),
        # Both wait: the program forgot to flush.
        ("import time\ninput()", "idle_limit_exceeded"),
        # It closes its output: the validator sees the end of it at once, and rejects.
        ("import os, time\nos.close(1)\ntime.sleep(2)", "wrong_answer"),
        # It computes, and a host that gives it no processor may find it idle.
        ("while True: pass", ("time_limit_exceeded", "idle_limit_exceeded")),
        (
            "print(5, flush=True)\nx = b'x' * (1 << 28)",
            ("runtime_error", "memory_limit_exceeded"),
        ),
        ("while True: print('x' * 10000)", ("wrong_answer", "output_limit_exceeded")),
    ],
)
async def test_who_broke_the_protocol_is_named(
    judge: Judge, tmp_path: Path, code: str, verdict: str | tuple[str, ...]
) -> None:
    """However it ends, it ends, and the verdict is that of who failed first."""
    # Long enough for a loaded host, short for those that would use it all.
    ends = not code.startswith(("import time", "while True: pass"))
    head = INTERACTIVE if ends else INTERACTIVE.replace("limit: 10,", "limit: 0.5,")
    judgement = await judge.judge(interactive(tmp_path, head=head), code)
    assert judge.faults == []
    assert judgement.verdict.value in ((verdict,) if isinstance(verdict, str) else verdict)


@pytest.mark.parametrize(
    ("validator", "fault"),
    [
        ("import sys\nsys.exit(1)", "exit code 1"),
        ("input()\nraise KeyError('deep')", "KeyError: 'deep'"),
        ("import sys\nsys.stdin.read()\nwhile True: pass", " limit"),
    ],
)
async def test_validator_that_fails_is_at_fault(
    judge: Judge, tmp_path: Path, validator: str, fault: str
) -> None:
    """Nobody's program is blamed for a validator that crashes or computes for ever."""
    head = INTERACTIVE.replace("validation_time: 5", "validation_time: 20")
    if "stdin.read" in validator:
        head = INTERACTIVE.replace("validation_time: 5", "validation_time: 1")
    code = "print(1, flush=True)" if "stdin.read" in validator else SEARCH
    judgement = await judge.judge(interactive(tmp_path, validator, head), code)
    assert judgement.verdict == "internal_error"
    assert fault in judge.faults[0]


async def test_much_talk_at_once_blocks_nobody(judge: Judge, tmp_path: Path) -> None:
    """Each writes megabytes before it reads a byte: far more than pipes hold."""
    validator = """
import sys, threading
def talk():
    sys.stdout.write("y" * 3_000_000 + "\\n"); sys.stdout.flush()
thread = threading.Thread(target=talk); thread.start()
size = len(sys.stdin.readline())
thread.join()
sys.exit(42 if size == 2_000_001 else 43)
"""
    program = "print('x' * 2_000_000, flush=True)\nassert len(input()) == 3_000_000"
    problem = interactive(tmp_path, validator, INTERACTIVE)
    judgement = await judge.judge(problem, program)
    assert (judgement.verdict, judge.faults) == ("accepted", [])


async def test_cancelled_conversation_leaves_both_boxes_usable(
    sandbox: Sandbox, judge: Judge, tmp_path: Path
) -> None:
    """Both programs are gone, and the next conversation in the same boxes is as good."""
    problem = interactive(tmp_path)
    with trio.move_on_after(1):
        await judge.judge(problem, "print(5, flush=True)\nimport time\ntime.sleep(60)")
    judgement = await judge.judge(problem, SEARCH)
    assert verdicts(judgement) == ["accepted", "accepted"]


async def test_interactive_problem_may_have_passes_and_points(judge: Judge, tmp_path: Path) -> None:
    """Types add up: two conversations about one test, and points by their number of guesses."""
    validator = GUESS.replace(
        "        sys.exit(42)",
        """        import os
        if not os.path.exists(sys.argv[3] + "again"):
            open(sys.argv[3] + "again", "w").write(str(number + 1))
            open(sys.argv[3] + "nextpass.in", "w").write(str(number + 1))
        elif open(sys.argv[3] + "again").read() != str(number):
            sys.exit(43)
        elif "secret" in sys.argv:
            open(sys.argv[3] + "score.txt", "w").write("25")
        sys.exit(42)""",
    )
    head = HEAD + "type: [interactive, multi-pass, scoring]\n" + LIMITS
    (tmp_path / "x" / "data" / "secret").mkdir(parents=True)
    (tmp_path / "x/data/secret/test_group.yaml").write_text("output_validator_args: [secret]\n")
    judgement = await judge.judge(interactive(tmp_path, validator, head), SEARCH)
    assert (judgement.verdict, judgement.score, judge.faults) == ("accepted", 25, [])
