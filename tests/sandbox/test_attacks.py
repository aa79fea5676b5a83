"""The threat table as tests: each hostile program, as root and as an ordinary user.

The programs and what must be seen are under programs/; drive.py runs a whole mode's table in one
process, after each program counts what is left of it, and runs an honest one in the same box.
"""

import json
from pathlib import Path

import pytest

from sandbox.attack import Attack

from .conftest import MODES, Start
from .drive import TABLE, tiers_of

CASES = [(attack, tier) for attack in TABLE for tier in tiers_of(attack)]


@pytest.fixture(scope="module")
def faults(start: Start, playground: Path) -> dict[str, dict[str, list[str]]]:
    """The faults of every program, by mode; all modes run at a time, for much of it is waiting."""
    build = str(playground / "build")
    processes = {mode: start(mode, "drive.py", build) for mode in MODES}
    found = {}
    for mode, process in processes.items():
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0
        found[mode] = json.loads(output)["faults"]
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("attack", "tier"), CASES, ids=[f"{attack.path.name}-{tier}" for attack, tier in CASES]
)
def test_attack_is_contained(attack: Attack, tier: str, mode: str, faults) -> None:
    """Each program of the table does what its header promises, and leaves nothing behind."""
    found = faults[mode].get(f"{attack.path.name}, {tier}")
    assert found == [] or (found is None and {"grade", "machine"} & attack.header.keys())
