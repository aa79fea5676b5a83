"""`gavel doctor` says what this machine gives, as root and as a user without any privilege."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sandbox import probe_host
from sandbox.attack import SHORT

#: It plays attacks in the sandbox.
DOCTOR_S = 300.0
GAVEL = Path(sys.prefix) / "bin" / "gavel"


def test_doctor_says_what_the_probe_found() -> None:
    """The document has each capability, and the exit code tells whether all of them work."""
    done = subprocess.run(
        [str(GAVEL), "doctor", "--json"],
        text=True,
        capture_output=True,
        timeout=DOCTOR_S,
        check=False,
    )
    found = json.loads(done.stdout)
    expected = probe_host()
    assert found["grade"] == (expected.grade.value if expected.grade else None)
    assert [item["name"] for item in found["items"]] == [item.name for item in expected.items]
    fitting = {attack.path.stem for attack in SHORT if attack.fits(expected.grade)}
    assert {attack["name"] for attack in found["attacks"]} == fitting
    assert len(fitting) >= 25
    assert [attack for attack in found["attacks"] if attack["faults"]] == []
    assert done.returncode == (
        0 if all(item["works"] or item["advice"] for item in found["items"]) else 1
    )


def test_doctor_tells_people_the_grade() -> None:
    """Without --json a table and a plain sentence, and a fix for each thing that is missing."""
    done = subprocess.run(
        [str(GAVEL), "doctor"], text=True, capture_output=True, timeout=DOCTOR_S, check=False
    )
    assert "confinement" in done.stdout
    assert "Programs run here at grade" in done.stdout
    assert "read_host_files" in done.stdout
