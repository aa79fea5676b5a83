"""Settings of the host that matter to programs that run here, or to what they could do next.

Those that the sandbox depends on are few, for it closes by itself what it can: huge pages and core
dumps by filter and rlimit, swap by control group. The rest is advice: fairness of timing, and what
an escape would meet.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Setting(NamedTuple):
    """One file of the kernel's, and what it should say."""

    name: str
    path: str
    """Below the root; a kernel that lacks the file has nothing to set."""
    is_good: Callable[[str], bool]
    fallback: str
    """What happens while it is not good."""
    fix: str
    advice: bool = True
    """Programs are confined just as well without."""


_SYSCTL = "proc/sys"

SETTINGS = (
    Setting(
        "core dumps",
        f"{_SYSCTL}/kernel/core_pattern",
        # A helper behind "|" is not started for a limit of one byte; a socket is connected to.
        lambda text: not text.startswith("@"),
        "the host's crash server is told of each crash of a program, without its memory",
        "sysctl -w kernel.core_pattern=core",
        advice=False,
    ),
    Setting(
        "hyper-threads",
        "sys/devices/system/cpu/smt/active",
        lambda text: text != "1",
        "programs on two threads of a core slow each other down, and can spy by timing",
        "echo off > /sys/devices/system/cpu/smt/control",
    ),
    Setting(
        "clock rate",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        lambda text: text == "performance",
        "CPU times depend on what the machine did before",
        "cpupower frequency-set -g performance",
    ),
    Setting(
        "transparent huge pages",
        "sys/kernel/mm/transparent_hugepage/enabled",
        lambda text: "[always]" not in text,
        "the memory that a program is said to use depends on luck",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    ),
    Setting(
        "kernel addresses",
        f"{_SYSCTL}/kernel/kptr_restrict",
        lambda text: text != "0",
        "whoever gets out of the sandbox finds the kernel's addresses",
        "sysctl -w kernel.kptr_restrict=1",
    ),
    Setting(
        "unprivileged BPF",
        f"{_SYSCTL}/kernel/unprivileged_bpf_disabled",
        lambda text: text != "0",
        "whoever gets out of the sandbox may load BPF programs",
        "sysctl -w kernel.unprivileged_bpf_disabled=1",
    ),
    Setting(
        "symlinks",
        f"{_SYSCTL}/fs/protected_symlinks",
        lambda text: text != "0",
        "other software of this host may be led astray in /tmp; Gavel follows no link there",
        "sysctl -w fs.protected_symlinks=1",
    ),
    Setting(
        "hard links",
        f"{_SYSCTL}/fs/protected_hardlinks",
        lambda text: text != "0",
        "users of this host may link files that are not theirs; Gavel's boxes are their own",
        "sysctl -w fs.protected_hardlinks=1",
    ),
)


def read_settings(root: Path = Path("/")) -> list[tuple[Setting, str, bool]]:
    """Return each setting with its value below *root*, and whether that is good."""
    found = []
    for setting in SETTINGS:
        try:
            text = (root / setting.path).read_text().strip()
        except OSError:  # not there, or not ours to read
            found.append((setting, "", True))
        else:
            found.append((setting, text, setting.is_good(text)))
    return found


def find_taken_ids(first: int, count: int, root: Path = Path("/")) -> list[str]:
    """Return whose user or group ids lie among *count* from *first* on, by passwd and subuid."""
    taken = []
    for name, start, size in (
        ("passwd", 2, None),
        ("group", 2, None),
        ("subuid", 1, 2),
        ("subgid", 1, 2),
    ):
        try:
            lines = (root / "etc" / name).read_text(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            fields = line.split(":")
            numbers = fields[start : (size or start) + 1]
            if not numbers or not all(number.isdecimal() for number in numbers):
                continue
            begin, length = int(numbers[0]), int(numbers[1]) if size else 1
            if begin < first + count and first < begin + length:
                taken.append(f"{fields[0]} in /etc/{name}")
    return taken
