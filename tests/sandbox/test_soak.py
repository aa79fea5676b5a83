"""After many runs, every third hostile, the host is as it was."""

import json
from pathlib import Path

import pytest

from .conftest import MODES, Start


@pytest.mark.parametrize("mode", MODES)
def test_runs_leave_nothing_behind(mode: str, start: Start, playground: Path) -> None:
    """Processes, descriptors, mounts, groups and shared memory are as many after as before."""
    process = start(mode, "soak.py", "--build", str(playground / "build"), "--runs", "80")
    output, _ = process.communicate(timeout=120)
    found = json.loads(output)
    assert found["wrong"] == []
    assert found["before"] == found["after"]
    before_kb, after_kb = found["memory_kb"]
    assert after_kb < before_kb * 1.2
