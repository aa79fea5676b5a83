"""The Makefile's set-up: what it says when the machine lacks something."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKE_S = 60


def make_venv(folder: Path, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask make for *target*, with modules in *folder* before Python's own."""
    venv = folder / "venv"
    return subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory", *options, f"VENV={venv}", str(venv / target)],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=MAKE_S,
    )


def test_old_python_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """Python 3.10 gets one line that says what is needed and how to name another one."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 10, 13)\n")
    done = make_venv(tmp_path, ".made")
    assert done.returncode != 0
    assert "needs Python >= 3.11" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_missing_venv_names_the_command_that_mends_it(tmp_path: Path, module: str) -> None:
    """Debian splits venv off; the error is the command to type."""
    (tmp_path / f"{module}.py").write_text("raise ImportError\n")
    done = make_venv(tmp_path, ".made")
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("changed", "installs"),
    [
        (None, False),
        ("requirements.txt", True),
        ("requirements-test.txt", True),
        ("pyproject.toml", True),
        ("README.md", False),
    ],
)
def test_set_up_is_made_anew_when_its_sources_change(
    tmp_path: Path, changed: str | None, *, installs: bool
) -> None:
    """Every command installs again after a change of what is to be installed, and only then."""
    (tmp_path / "venv").mkdir()
    for stamp in (".made", ".run", ".test"):
        (tmp_path / "venv" / stamp).touch()
    options = ["--dry-run", *(["--what-if", changed] if changed else [])]
    done = make_venv(tmp_path, ".test", *options)
    assert done.returncode == 0
    assert ("pip install" in done.stdout) is installs
