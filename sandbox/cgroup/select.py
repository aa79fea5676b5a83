"""Choose how this host accounts for runs, and clear what a killed launcher left."""

import os

from sandbox import cgroup
from sandbox.cgroup import v1, v2

Groups = v1.Groups | v2.Groups
RunGroup = v1.RunGroup | v2.RunGroup

_PREFIX = "gavel"


def start_time(pid: int) -> int | None:
    """Return when *pid* started, in clock ticks since boot; None when there is no such process."""
    try:
        text = cgroup.read_text(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(text.rpartition(")")[2].split()[19])


def remove_stale(parents: list[str]) -> None:
    """Remove the groups of launchers that are no more."""
    for parent in parents:
        for name in os.listdir(parent):
            prefix, _, owner = name.partition("-")
            pid, _, started = owner.partition("-")
            ours = prefix == _PREFIX and pid.isdecimal() and started.isdecimal()
            if ours and start_time(int(pid)) != int(started):
                cgroup.remove_below(f"{parent}/{name}", "")
                cgroup.remove_group(f"{parent}/{name}")


def find_parents() -> list[str]:
    """Return the folders in which this process may make groups; none means sampling."""
    parent = v2.find_parent()
    if parent is not None:
        return [parent]
    return list((v1.find_parents() or {}).values())


def open_groups() -> Groups | None:
    """Return this launcher's groups, or None on a host that gives us none."""
    parents = find_parents()
    if not parents:
        return None
    remove_stale(parents)
    name = f"{_PREFIX}-{os.getpid()}-{start_time(os.getpid())}"
    if len(parents) == 1:
        return v2.Groups(parents[0], name)
    return v1.Groups(v1.find_parents() or {}, name)
