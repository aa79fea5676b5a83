"""Runs: one program in the sandbox on its caller's own input, within the configured maxima."""

from __future__ import annotations

import trio

from daemons.config import Limits as Maxima
from daemons.worker.compiling import compile_program
from daemons.worker.runs import run_once
from daemons.worker.toolchains import find_toolchains, image_of
from judging.languages import load_languages
from protocol.codec import decode, encode
from protocol.messages import Binary, Judgement, RunRequest, Verdict
from sandbox import Grade, open_sandbox

MAXIMA = Maxima(
    run_time_s=30.0, run_wall_s=60.0, run_memory_bytes=128 << 20, run_output_bytes=1000,
    run_processes=8,
)  # fmt: skip


async def run_all(*requests: dict[str, object]) -> list[Judgement]:
    """Run *requests*, each the fields of a run in Python, one after the other in one box."""
    toolchains = await find_toolchains([load_languages()["python"]])
    opening = open_sandbox(slots=1, image=image_of(toolchains.values()), grade=Grade.REDUCED)
    found = []
    with trio.fail_after(120):
        async with opening as sandbox:
            for fields in requests:
                data = encode({"user_id": "u1", "language": "python", **fields})
                found.append(
                    await run_once(
                        sandbox.boxes[0], toolchains["python"], decode(data, RunRequest), MAXIMA,
                        lambda _fields, _step: None, compile_program,
                    )
                )  # fmt: skip
    return found


async def test_run_gives_back_what_the_program_did() -> None:
    """Input, arguments and files reach the program; output, exit code and signal come back."""
    echo, several, failing, killed, binary = await run_all(
        {"code": "import sys\nprint(input()[::-1], sys.argv[1:])", "stdin": "né", "args": ["a b", ""]},
        {"files": [{"name": "main.py", "content": "import lib\nprint(lib.X)"},
                   {"name": "lib.py", "content": "X = 7"}], "entry": "main.py"},
        {"code": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)"},
        {"code": "import os\nos.kill(os.getpid(), 11)"},
        {"code": "import os\nos.write(1, b'\\xff')"},
    )  # fmt: skip
    assert echo.verdict is several.verdict is Verdict.ACCEPTED
    assert echo.run is not None
    assert several.run is not None
    assert (echo.run.stdout, echo.run.exit_code, echo.tests) == ("én ['a b', '']\n", 0, ())
    assert several.run.stdout == "7\n"
    assert failing.verdict is Verdict.RUNTIME_ERROR
    assert failing.run is not None
    assert (failing.run.stdout, failing.run.stderr, failing.run.exit_code) == ("out\n", "err\n", 3)
    assert killed.run is not None
    assert (killed.verdict, killed.run.signal) == (Verdict.RUNTIME_ERROR, 11)
    assert binary.run is not None
    assert binary.run.stdout == Binary(base64="/w==")


async def test_run_keeps_within_what_was_asked_and_what_is_allowed() -> None:
    """The smaller of both holds: no caller gets more than the maxima, and less if he says so."""
    flood, slow, greedy = await run_all(
        {"code": "print('x' * 100)", "limits": {"output_bytes": 10}},
        {"code": "while True: pass", "limits": {"time_s": 0.2}},
        {"code": "print('x' * 5000)", "limits": {"output_bytes": 10**9}},
    )
    assert flood.verdict is Verdict.OUTPUT_LIMIT_EXCEEDED
    assert slow.verdict is Verdict.TIME_LIMIT_EXCEEDED
    assert slow.time_s is not None
    assert slow.time_s < MAXIMA.run_time_s / 2
    assert greedy.verdict is Verdict.OUTPUT_LIMIT_EXCEEDED
