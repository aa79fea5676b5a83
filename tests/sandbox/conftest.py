"""Start the sandbox as the user who runs the tests, and as an ordinary one."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .playground import ORDINARY_ID, build_playground

MODES = ["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"]

#: Its own in each process of the suite: what the kernel counts by user, as descriptors in flight,
#: one test uses up on purpose, and another, at the same time, is to have.
_ORDINARY_ID = ORDINARY_ID + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))

Start = Callable[..., "subprocess.Popen[bytes]"]


def _open_python() -> str:
    """Return an interpreter that an ordinary user may execute."""
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        path = Path(python)
        if not path.exists():
            continue
        parents = [path.resolve(), *path.resolve().parents]
        if all(parent.stat().st_mode & 0o005 == 0o005 for parent in parents):
            return python
    pytest.fail("no Python on this machine can be executed by an ordinary user")


@pytest.fixture(scope="session")
def playground() -> Iterator[Path]:
    """A folder that all may read: the sandbox, its needs, the programs, the C ones compiled."""
    place = Path(tempfile.mkdtemp(prefix="gavel-sandbox-"))
    build_playground(place)
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def start(playground: Path) -> Start:
    """Return a function that starts a script of this folder as root or as an ordinary user."""

    def start(mode: str, script: str, *arguments: str) -> "subprocess.Popen[bytes]":
        ordinary = mode == "ordinary" and os.geteuid() == 0
        python = _open_python() if ordinary else sys.executable
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(playground / "lib"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.Popen(
            [python, str(playground / "tests" / script), *arguments],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            user=_ORDINARY_ID if ordinary else None,
            group=_ORDINARY_ID if ordinary else None,
            extra_groups=[] if ordinary else None,
        )

    return start
