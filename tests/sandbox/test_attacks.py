"""The threat table as tests: each hostile program, as root and as an ordinary user.

The programs and what must be seen are under programs/; drive.py runs a whole mode's table in one
process, after each program counts what is left of it, and runs an honest one in the same box.
"""

import json
from functools import cache
from pathlib import Path

import pytest

from .conftest import MODES, Start

PROGRAMS = sorted((Path(__file__).parent / "programs").iterdir())


@pytest.fixture(scope="session")
def faults(start: Start, playground: Path):
    """Return a function that gives the faults of every program in a mode."""

    @cache
    def run_table(mode: str) -> dict[str, list[str]]:
        process = start(mode, "drive.py", str(playground / "build"))
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0
        return json.loads(output)["faults"]

    return run_table


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("program", [path.name for path in PROGRAMS])
def test_attack_is_contained(program: str, mode: str, faults) -> None:
    """Each program of the table does what its header promises, and leaves nothing behind."""
    found = faults(mode)
    if program in found:
        assert found[program] == []
    else:
        header = (Path(__file__).parent / "programs" / program).read_text()
        assert "grade: full" in header or "machine:" in header
