"""Programs that go for the verdict and not for the machine: only their output counts."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from daemons.worker.judge import judge
from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import find_toolchains
from judging.languages import load_languages
from judging.package import load_problems
from protocol.codec import encode
from protocol.messages import Judgement, SubmissionRequest, Verdict
from sandbox import Grade
from tests.daemons.worker.conftest import PATIENCE_S, write_problem
from tests.sandbox.seek import SEEK

WRONG, ERROR = Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR

FIND = SEEK + 'found = seek(rb"hidden[=]answer")\n'

PROGRAMS = {
    # 90: the answers of all cases, written at once where a harness in the process would look.
    "early exit": (
        "import sys\nopen('user.out', 'w').write(sys.stdin.read())\nsys.stdout.flush()\nsys.exit(0)",
        WRONG,
    ),
    # 91: every way to end at once.
    "_exit": ("import os\nos._exit(0)", WRONG),
    "exit": ("raise SystemExit", WRONG),
    "exit in a finalizer": ("class A:\n def __del__(self): raise SystemExit(0)\nx = A()", WRONG),
    "exit in atexit": ("import atexit, os\natexit.register(os._exit, 0)", WRONG),
    "kill": ("import os\nos.kill(os.getpid(), 9)", ERROR),
    "exec": ("import os\nos.execv('/bin/true', ['true'])", WRONG),
    # 92: the expected output is nowhere to be found; the second program proves that it looks.
    "seek the answer": (FIND + "sys.exit(bool(found))", WRONG),
    "seek a known word": ("x = '='.join(['hidden', 'answer'])\n" + FIND + "sys.exit(bool(found))", ERROR),
    # 93: whatever compares in this process compares nothing.
    "equal to all": (
        ("import builtins, json\n"
        "class Same(str):\n"
        "    __eq__ = lambda *_: True\n"
        "    __ne__ = lambda *_: False\n"
        "    __hash__ = lambda _: 0\n"
        "    __len__ = lambda _: 6\n"
        "for name in ('print', 'open', 'str', 'bytes', 'len'): setattr(builtins, name, Same)\n"
        "json.loads = json.dumps = lambda *_: Same('')\n"
        "import sys\nsys.stdout.write(Same('anything'))"),
        WRONG,
    ),
    # 94: everything that can be found in the interpreter, printed.
    "all objects": (
        ("import gc, sys\n"
        "found = [x for o in gc.get_objects() for x in gc.get_referents(o) if isinstance(x, (str, bytes))]\n"
        "frame = sys._getframe()\n"
        "print(found[:20000], frame.f_back, frame.f_globals.keys())"),
        WRONG,
    ),
    "claims": ('print(\'{"verdict": "accepted"}\\n\' * 9, "PASSED", "OK", "AC", sep="\\n")', WRONG),
    # 97: what breaks parsers.
    "brackets": ("print('[' * 10**6)", WRONG),
    "digits": ("print('9' * 10**6)", WRONG),
    "exponent": ("print('1e999999999', '-1e-999999999', 'nan', '-inf', '0x1p99999')", WRONG),
    "bytes": ("import os\nos.write(1, bytes(range(256)) * 99 + b'\\xed\\xa0\\x80\\xff\\xfe\\0')", WRONG),
    "tokens": ("print('a ' * 500000)", WRONG),
    "spaces": ("print(' ' * 10**6 + '\\u2003' * 1000)", WRONG),
}  # fmt: skip

#: Sets a terminal's title, and a page's script, through every text that is kept of a program.
LOUD = (
    "import sys\n"
    "text = '\\x1b]0;owned\\x07\\x9b2J<script>alert(1)</script>\\u202e\\0'\n"
    "print(text)\nprint(text, file=sys.stderr)\n"
)


def judge_all(folder: Path, programs: dict[str, str]) -> dict[str, Judgement]:
    """Return the judgement of each program on a problem whose answers hold the word."""
    write_problem(folder, time_s=30)  # all of them end
    for case in ("sample/1", "secret/1"):
        (folder / f"problems/echo/data/{case}.ans").write_text("hidden=answer 12\n")
        (folder / f"problems/echo/data/{case}.in").write_text("12\n")
    found = {}

    async def run() -> None:
        problem = load_problems([folder / "problems"])["echo"]
        toolchains = await find_toolchains([load_languages()["python"]])
        async with open_boxes(toolchains.values(), slots=1, grade=Grade.REDUCED) as sandbox:
            for name, code in programs.items():
                request = SubmissionRequest(
                    problem_id="echo", user_id="u1", language="python", code=code
                )
                found[name] = await judge(
                    sandbox.boxes[0], problem, toolchains["python"], request, lambda *_: None
                )

    async def bounded() -> None:
        with trio.fail_after(PATIENCE_S):
            await run()

    trio.run(bounded)
    return found


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judgement]:
    """Give the judgement of every program."""
    programs = {name: code for name, (code, _) in PROGRAMS.items()}
    return judge_all(tmp_path_factory.mktemp("hostile"), programs | {"loud": LOUD})


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_that_goes_for_the_verdict_is_not_accepted(
    name: str, judged: dict[str, Judgement]
) -> None:
    """Rows 90, 91, 92, 93, 94, 97. What a program ends with, patches, finds or prints does not make it right."""
    found = judged[name]
    assert found.verdict is PROGRAMS[name][1], found
    assert found.tests_passed == 0


def test_output_reaches_nobody_as_control_characters(judged: dict[str, Judgement]) -> None:
    """Row 98. What is sent of a program's output has no character that a terminal obeys."""
    sent = encode(judged["loud"])
    assert b"owned" in sent
    assert not any(byte < 0x20 or byte == 0x7F for byte in sent)


def test_right_program_is_accepted(tmp_path: Path) -> None:
    """The problem can be solved, so that the refusals above mean something."""
    right = {"right": "print('hidden' + '=' + 'answer', input())"}
    assert judge_all(tmp_path, right)["right"].verdict is Verdict.ACCEPTED
