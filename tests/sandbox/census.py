"""Count what runs could leave on the host: before and after, the counts must be the same."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import trio

from sandbox import namespaces

sys.path.insert(0, str(Path(__file__).parent))

from drive import descendants, launcher_groups

_ALIKE = 5
_CALM_S = 20.0


def leave_mounts_of_others() -> None:
    """Move this process to where the mounts that others make and undo meanwhile are not seen.

    Those of what it starts are, unless that keeps them to itself. An ordinary user can't move, and
    needs not: the kernel passes no mount of his on to anybody.
    """
    if os.geteuid() == 0:
        namespaces.unshare(namespaces.CLONE_NEWNS)
        for kind in ("rprivate", "rshared"):
            subprocess.run(["mount", f"--make-{kind}", "/"], check=True)


def children(pid: int) -> list[int]:
    """Return the pids of the children of *pid*, whichever of its threads forked them."""
    found: list[int] = []
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            found += map(int, place.read_text().split())
    return found


async def take_calm_census(wanted: dict[str, int] | None = None) -> dict[str, int]:
    """Take censuses until some in a row agree, and, if *wanted* is given, agree with it.

    A cell that is just parking a run holds its descriptors, for long on a busy host. What is left
    over stays: after some seconds the census is returned as it is.
    """
    census, alike = take_census(), 1
    with trio.move_on_after(_CALM_S):
        while alike < _ALIKE or wanted not in (None, census):
            await trio.sleep(0.1)
            census, before = take_census(), census
            alike = alike + 1 if census == before else 1
    return census


def take_census() -> dict[str, int]:
    """Count what a run could leave: processes, descriptors, mounts, groups, shared memory, kB."""
    (launcher,) = children(os.getpid())
    wardens = children(launcher)
    cells = [pid for warden in wardens for pid in children(warden)]
    census = {
        "processes": len(descendants(os.getpid())),
        "shared memory": len(Path("/proc/sysvipc/shm").read_text().splitlines()),
        "own descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": count_mounts(),
        "groups": sum(
            len([entry for entry in path.iterdir() if entry.is_dir()])
            for path in launcher_groups()
            if path.name.startswith(f"gavel-{launcher}-")
        ),
    }
    for pid in (launcher, *wardens, *cells):
        try:
            census[f"descriptors of {pid}"] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except PermissionError:  # an ordinary user's cell is closed to inspection
            continue
    return census


def count_mounts() -> int:
    """Return how many mounts there are where those of others are not seen."""
    if os.geteuid() != 0:
        return 0
    return len(Path("/proc/self/mountinfo").read_text().splitlines())


def count_memory() -> int:
    """Return the kB that this process, launcher, wardens and cell-inits hold for themselves."""
    total = 0
    for pid in [os.getpid(), *descendants(os.getpid())]:
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "RssAnon:" in text:
            total += int(text.partition("RssAnon:")[2].split()[0])
    return total
