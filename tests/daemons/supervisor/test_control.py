"""The control socket: one line in, one line out, for our own user only."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 120.0
BECOME_NOBODY = "import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)"


@contextmanager
def talk(path: Path) -> Iterator[Any]:
    """Give a file that speaks to the socket *path*."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(WAIT_S)
        client.connect(str(path))
        with client.makefile("rwb") as lines:
            yield lines


def say(lines: Any, text: bytes) -> dict[str, Any]:
    """Send a line and return the answer."""
    lines.write(text + b"\n")
    lines.flush()
    answer: dict[str, Any] = json.loads(lines.readline())
    return answer


@pytest.fixture
def control(suite: Any, spec: Any) -> Path:
    """Give the control socket of a running supervisor."""
    suite.start(spec("one", "good"))
    suite.wait_ready()
    path: Path = suite.control
    return path


def test_control_answers_each_line(control: Path) -> None:
    """A caller may ask several things on one connection; nonsense is answered, not dropped."""
    with talk(control) as lines:
        assert say(lines, b"{nonsense")["error"].startswith("not JSON")
        assert say(lines, b"[1]") == {"ok": False, "error": "expected one JSON object per line"}
        assert say(lines, b"{}") == {"ok": False, "error": "no such command: None"}
        assert say(lines, b'{"command": "status"}')["result"]["ready"] is True


def test_control_lets_go_who_sends_no_line(control: Path) -> None:
    """A caller that never ends his line is disconnected before he fills the memory."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(WAIT_S)
        client.connect(str(control))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            client.sendall(b"x" * (64 << 20))

    with talk(control) as lines:
        assert say(lines, b'{"command": "status"}')["ok"]


def test_control_survives_a_caller_who_does_not_wait(control: Path) -> None:
    """A caller that goes before his answer harms nobody."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(control))
        client.sendall(b'{"command": "status"}\n')

    with talk(control) as lines:
        assert say(lines, b'{"command": "status"}')["ok"]


def test_control_is_for_its_owner_alone(control: Path) -> None:
    """The socket's mode is 0600, and its notification twin's too."""
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    assert stat.S_IMODE(control.with_suffix(".notify").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_control_hears_no_other_user(control: Path) -> None:
    """Another user is not answered even where the file's mode would let him in."""
    for folder in (control.parent, control.parent.parent):
        folder.chmod(0o755)
    control.chmod(0o666)
    script = f"""{BECOME_NOBODY}
client = socket.socket(socket.AF_UNIX); client.settimeout({WAIT_S}); client.connect(sys.argv[1])
try:
    client.sendall(b'{{"command": "stop"}}\\n')
    print("answered" if client.recv(1) else "refused")
except (ConnectionResetError, BrokenPipeError):
    print("refused")
"""

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(control)],
        capture_output=True,
        timeout=WAIT_S,
        check=True,
    )

    assert done.stdout == b"refused\n"
    with talk(control) as lines:
        assert say(lines, b'{"command": "status"}')["result"]["ready"] is True
