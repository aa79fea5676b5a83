"""Choose how this host accounts for runs, and clear what a killed launcher left."""

import os

from sandbox.cgroup import v1

_PREFIX = "gavel"


def start_time(pid: int) -> int | None:
    """Return when *pid* started, in clock ticks since boot; None when there is no such process."""
    try:
        text = v1.read_text(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(text.rpartition(")")[2].split()[19])


def remove_stale(parents: dict[str, str]) -> None:
    """Remove the groups of launchers that are no more."""
    for parent in parents.values():
        for name in os.listdir(parent):
            prefix, _, owner = name.partition("-")
            pid, _, started = owner.partition("-")
            ours = prefix == _PREFIX and pid.isdecimal() and started.isdecimal()
            if ours and start_time(int(pid)) != int(started):
                v1.remove_below(f"{parent}/{name}", "")
                v1.remove_below(parent, name)


def open_groups() -> v1.Groups | None:
    """Return this launcher's groups, or None on a host that gives us none."""
    parents = v1.find_parents()
    if parents is None:
        return None
    remove_stale(parents)
    pid = os.getpid()
    return v1.Groups(parents, f"{_PREFIX}-{pid}-{start_time(pid)}")
