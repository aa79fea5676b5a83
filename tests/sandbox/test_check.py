"""What hosts can't do is found, named, and told with what mends it."""

import json
import sys
from pathlib import Path

import pytest

from sandbox import settings

from .conftest import MODES, Start

PLACES = [
    # What it is like, the grade (as usual), a word of what was found, a word of what mends it.
    ("rootless", "", "a cell stands", ""),
    ("no user namespaces", "None", "No space left", "user.max_user_namespaces"),
    ("chroot", "None", "not permitted", "outside of chroots and containers"),
    ("masked proc", "None", "root", "systempaths=unconfined"),
    ("container filter", "None", "not permitted", "seccomp=unconfined"),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("place", "grade", "finding", "fix"), PLACES)
def test_weak_host_gets_a_grade_or_a_clear_refusal(
    place: str, grade: str, finding: str, fix: str, mode: str, start: Start
) -> None:
    """Where confinement can't be had, the step that failed is named, and how to have it."""
    process = start(mode, "hostile_host.py", place)
    output, _ = process.communicate(timeout=60)
    found = json.loads(output)
    assert found["grade"] == (grade or ("full" if mode == "root" else "reduced")), found
    assert finding in found["finding"]
    assert fix in found["fix"]
    assert bool(fix) is bool(found["fix"])


BAD = {
    "proc/sys/kernel/core_pattern": ("core", "|/bin/helper %p", "@/run/coredump.socket"),
    "sys/devices/system/cpu/smt/active": ("0", "1"),
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": ("performance", "powersave"),
    "sys/kernel/mm/transparent_hugepage/enabled": (
        "always [madvise] never",
        "[always] madvise never",
    ),
    "proc/sys/kernel/kptr_restrict": ("1", "0"),
    "proc/sys/kernel/unprivileged_bpf_disabled": ("2", "0"),
    "proc/sys/fs/protected_symlinks": ("1", "0"),
    "proc/sys/fs/protected_hardlinks": ("1", "0"),
}


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_judged_by_its_value(setting: settings.Setting, tmp_path: Path) -> None:
    """Each setting's last value here is bad, the others are good; a file that lacks is good."""
    verdicts = []
    for value in BAD[setting.path]:
        file = tmp_path / setting.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value + "\n")
        (found,) = (one for one in settings.read_settings(tmp_path) if one[0] is setting)
        assert found[1] == value
        verdicts.append(found[2])
    assert verdicts == [True] * (len(verdicts) - 1) + [False]
    others = [good for one, _, good in settings.read_settings(tmp_path) if one is not setting]
    assert all(others)


def test_ids_that_somebody_has_are_named(tmp_path: Path) -> None:
    """A user, or a range handed out for containers, within our ids is found; neighbours are not."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0::/:/bin/sh\nbad:x:1500:1500::/:/bin/sh\n+::::::\n")
    (etc / "subuid").write_text("alice:100:900\nbob:1900:65536\ncarol:2000:10\n")
    assert settings.find_taken_ids(1000, 1000, tmp_path) == [
        "bad in /etc/passwd",
        "bob in /etc/subuid",
    ]
    assert settings.find_taken_ids(100_000, 10, tmp_path) == []


def test_doctor_reads_the_real_host() -> None:
    """On this machine every setting is read without an error."""
    assert len(settings.read_settings()) == len(settings.SETTINGS), sys.platform
