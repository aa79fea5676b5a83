"""The system from a fresh checkout, installed and run by a user without any privilege."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.system.conftest import (
    ENDLESS,
    ROOT,
    events_until_judged,
    reference,
    started,
    submission,
)

#: nobody: no home, no group, no capability.
UID = GID = 65534
INSTALL_S = 900.0
GREEDY = ("memory_limit_exceeded", "runtime_error")
MAKES_OWN = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON", "VENV"}
#: An interpreter that every user may execute; the one that runs this suite may lie in /root.
PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


def checkout(folder: Path) -> None:
    """Copy the tracked files, as they are now, to *folder*."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if not (ROOT / name).exists():
            continue  # deleted, and not committed yet
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)


def give(folder: Path) -> None:
    """Make *folder* and all in it the unprivileged user's."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UID, GID, follow_symlinks=False)


def test_ordinary_user_installs_runs_and_is_judged() -> None:
    """`make install` and `gavel up` by nobody: verdicts, limits, and the grade said plainly."""
    python = next(path for path in PYTHONS if Path(path).exists())
    user = {"user": UID, "group": GID, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="gavel ") as name:
        folder = Path(name)
        checkout(folder / "checkout")
        if user:
            give(folder)
        # A make that runs this suite hands its own settings down, such as another VENV.
        kept = {key: value for key, value in os.environ.items() if key not in MAKES_OWN}
        env = {**kept, "HOME": name, "PYTHONDONTWRITEBYTECODE": "1"}
        installed = subprocess.run(
            ["make", "install", f"PYTHON={python}"],
            cwd=folder / "checkout", env=env, timeout=INSTALL_S, text=True,
            capture_output=True, check=False, **user,
        )  # fmt: skip
        assert installed.returncode == 0, installed.stdout + installed.stderr
        gavel = folder / "checkout" / ".venv" / "bin" / "gavel"
        problems = folder / "checkout" / "problems"
        with started(folder, problems=problems, gavel=gavel, env=env, **user) as system:
            workers = system.status()["workers"]
            assert [worker["grade"] for worker in workers] == ["reduced" if user else "full"]
            with system.http() as http, system.socket("u1") as client:
                for code, verdict in [
                    (reference("two-sum", "accepted", ".py"), "accepted"),
                    ("while True: pass", ENDLESS),
                    ("x = bytearray(10 << 30)\nx[::4096] = b'1' * len(x[::4096])", GREEDY),
                    ("open('/etc/passwd', 'a')", "runtime_error"),
                ]:
                    http.post("/submissions", json=submission(code))
                    judged = events_until_judged(client)[-1]["verdict"]
                    assert judged in ((verdict,) if isinstance(verdict, str) else verdict)
