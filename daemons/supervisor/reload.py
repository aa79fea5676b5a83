"""What a changed configuration file asks for: pure comparison of two `Config`s.

Each daemon reads some tables of the file; those whose tables changed are started anew, the others
are left alone. What can't be changed under running daemons is refused, and then nothing is changed.
"""

from __future__ import annotations

from typing import NamedTuple

from daemons.config import Config

#: Table -> the daemons that read it.
READERS: dict[str, tuple[str, ...]] = {
    "api": ("api",),
    "gateway": ("gateway",),
    "worker": ("worker",),
    "sandbox": ("worker",),
    "problems": ("worker", "api"),
    "limits": ("worker", "api"),
    "auth": ("gateway", "api"),
    # Only ours: it holds for the processes that are started from now on.
    "supervisor": (),
}


class Difference(NamedTuple):
    """What is to be done; if `refused` has anything, nothing."""

    #: Daemons to start anew, since a value they read has changed.
    anew: frozenset[str]
    #: Why the new configuration can't be taken while all runs, one sentence each.
    refused: tuple[str, ...]


def compare(old: Config, new: Config) -> Difference:
    """Return what the step from *old* to *new* asks for."""
    refused = []
    if old.store != new.store:
        refused.append("[store] can't be changed while daemons use it: `gavel stop`, then up again")
    if old.supervisor.control != new.supervisor.control:
        refused.append("[supervisor] control can't be changed while it is listened on")
    anew = {
        daemon
        for table, daemons in READERS.items()
        if _but_processes(old, table) != _but_processes(new, table)
        for daemon in daemons
    }
    return Difference(frozenset(anew), tuple(refused))


def _but_processes(config: Config, table: str) -> dict[str, object]:
    """Return a table's values without ``processes``: a change of number concerns no living one."""
    section = getattr(config, table)
    return {
        name: getattr(section, name) for name in section.__struct_fields__ if name != "processes"
    }
