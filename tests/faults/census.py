"""What is there and what is left in the end: processes, their control groups, their files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sandbox.cgroup.select import find_parents
from tests.system.conftest import Seen, is_alive


def count_files(pid: int) -> int:
    """Return how many files and sockets a process has open; none if it has ended."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names, not paths, are wanted
    except (FileNotFoundError, ProcessLookupError):
        return 0


def find_left(seen: Iterable[Seen]) -> list[str]:
    """Return what is left of the processes *seen*: themselves, and control groups of theirs."""
    owners = {f"gavel-{each.pid}-{each.start_ticks}" for each in seen}
    groups = [each.name for parent in find_parents() for each in Path(parent).iterdir()]
    return [
        *(f"process {each.pid}" for each in seen if is_alive(each)),
        *(f"control group {name}" for name in groups if name in owners),
    ]
