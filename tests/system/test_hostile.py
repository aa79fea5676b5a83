"""Hostile submissions through the front door: the right verdict, nothing survives, life goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import ENDLESS, reference, submission

if TYPE_CHECKING:
    from tests.system.conftest import System

#: A word in the argument list of what a program leaves behind, so that it can be looked for.
MARK = "gavel-test-survivor"

PROGRAMS = {
    "reads /etc/shadow": ("print(open('/etc/shadow').read())", "runtime_error"),
    "reads the secret data": (
        (
            "import os\n"
            "hits = []\n"
            "for folder, folders, files in os.walk('/'):\n"
            "    if folder == '/':\n"
            "        folders[:] = set(folders) - {'usr', 'proc'}\n"
            "    hits += [file for file in files if file.endswith('.ans')]\n"
            "raise SystemExit(0 if hits else 7)"
        ),
        "runtime_error",
    ),
    "opens a socket": (
        "import socket\nsocket.create_connection(('127.0.0.1', 1), 1)",
        "runtime_error",
    ),
    "fork bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        ENDLESS,
    ),
    "10 GB": (
        "x = bytearray(10 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1",
        ("memory_limit_exceeded", "runtime_error"),
    ),
    "endless output": ("while True: print('x' * 65536)", "output_limit_exceeded"),
    "endless loop": ("while True: pass", ENDLESS),
    "sleep": ("import time\ntime.sleep(3600)", "idle_limit_exceeded"),
    "background grandchild": (
        (
            "import os, sys, time\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    if os.fork() == 0:\n"
            f"        os.execv('/bin/sleep', ['{MARK}', '3600'])\n"
            "    os._exit(0)\n"
            "print('not the answer')"
        ),
        "wrong_answer",
    ),
}


def survivors() -> list[str]:
    """Return the command lines of all processes on this machine that bear the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if MARK.encode() in line.split(b"\0")[:1]:
            found.append(f"{process.name}: {line!r}")
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_system_survives_a_hostile_program(system: System, name: str) -> None:
    """It gets the right verdict, leaves nothing behind, and the next submission is judged."""
    code, verdict = PROGRAMS[name]
    with system.http() as http:
        judged = http.post("/submissions?wait=60", json=submission(code, user_id="mallory")).json()
        assert judged["status"] == "done"
        assert judged["verdict"] in ((verdict,) if isinstance(verdict, str) else verdict)
        assert survivors() == []
        good = reference("two-sum", "accepted", ".py")
        after = http.post("/submissions?wait=60", json=submission(good, user_id="alice")).json()
        assert after["verdict"] == "accepted"
    status = system.status()
    assert status["ready"]
    assert all(
        instance["restarts"] == 0
        for daemon in status["daemons"].values()
        for instance in daemon["instances"]
    )
