"""System calls at random inside runs: nothing outside notices."""

import json
from pathlib import Path

import pytest

from .conftest import MODES, Start

SECONDS = "4"  # a minute is `make fuzz`, which `.ci/run` does
SEED = "1"  # the suite makes the same calls each time; `make fuzz` looks for new ones


@pytest.mark.parametrize("mode", MODES)
def test_random_calls_change_nothing_outside(mode: str, start: Start, playground: Path) -> None:
    """Processes, mounts, groups, descriptors, memory and settings are after it as they were."""
    arguments = ["--build", str(playground / "build"), "--seconds", SECONDS, "--seed", SEED]
    process = start(mode, "fuzz.py", *arguments)
    output, _ = process.communicate(timeout=120)
    found = json.loads(output)
    assert found["wrong"] == [], found["seed"]
    assert found["before"] == found["after"], found["seed"]
    assert found["calls"] > 1000
    before_kb, after_kb = found["memory_kb"]
    assert after_kb < before_kb * 1.2
