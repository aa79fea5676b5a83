"""`gavel submit` where it can't work: one line that tells why, and the promised exit code."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GAVEL = Path(sys.prefix) / "bin" / "gavel"
COMMAND_S = 30


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Give a port that is ours and on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Give a program to submit."""
    path = tmp_path / "solution.py"
    path.write_text("print(42)\n")
    return path


def submit(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `gavel submit` in *folder*, where no configuration lies."""
    return subprocess.run(
        [GAVEL, "submit", *arguments, "--problem", "two-sum"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
    )


@pytest.mark.parametrize("wait", [[], ["--wait"]])
def test_submit_without_a_system_says_how_to_start_it(
    program: Path, closed_port: int, wait: list[str]
) -> None:
    """When nobody answers, the exit code is 3 and each line on stderr is for people."""
    addresses = [
        f"--server=http://127.0.0.1:{closed_port}",
        f"--gateway=ws://127.0.0.1:{closed_port}",
    ]
    done = submit(program, *wait, *addresses, folder=program.parent)
    assert done.returncode == 3
    assert "make run" in done.stderr
    assert all(line.startswith("gavel: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.py", None, "does not exist"),
        ("notes.txt", b"x", "--language"),
        ("latin.py", b"\xff", "not UTF-8 at byte 0"),
    ],
)
def test_submit_refuses_wrong_usage(
    tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    """A file that can't be submitted is wrong usage: exit code 2, before anything is sent."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = submit(name, folder=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
