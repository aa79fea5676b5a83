"""Run many programs, every third hostile, and count what is left on the host.

``python tests/sandbox/soak.py BUILD_DIR RUNS`` (root or ordinary) prints the census before and
after as JSON and exits with 1 when they differ. The suite runs a short one; ten thousand take about
as many times 20 ms.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

import trio

from sandbox import Blob, Box, Grade, Job, RunStatus, open_sandbox
from sandbox.attack import LIMITS

sys.path.insert(0, str(Path(__file__).parent))

from drive import BASE, IMAGE, PER_SLOT, TABLE, descendants, launcher_groups, make_job, settle

SLOTS = 2
HONEST = Job(argv=("/bin/echo", "golden"), limits=LIMITS)
#: Hostile programs that end within a fraction of a second.
QUICK = [
    "fork_limit.c",
    "zombies.c",
    "daemon.py",
    "stopped_child.py",
    "leaked_fds.c",
    "memory_memfd.py",
    "oom_child.py",
    "output_flood.py",
    "output_links.py",
    "output_fifo.c",
    "sysv_left.py",
    "files_left.py",
    "mknod.c",
    "core_dump.c",
    "fake_oom.c",
    "interrupt_80.c",
    "thread_bomb.py",
    "output_held.py",
    "fill_box.py",
    "control_channel.py",
]


def children(pid: int) -> list[int]:
    """Return the pids of the children of *pid*, whichever of its threads forked them."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


async def take_calm_census() -> dict[str, int]:
    """Take censuses until two agree: a cell that is just parking a run holds its descriptors."""
    census = take_census()
    while True:
        await trio.sleep(0.05)
        census, before = take_census(), census
        if census == before:
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
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
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


async def run_share(box: Box, build: Path, runs: int, wrong: list[str]) -> None:
    """Run *runs* programs in one box, every third hostile."""
    hostile = [attack for attack in TABLE if attack.path.name in QUICK]
    names = {"secret": "", "abstract": ""}
    for number in range(runs):
        if number % 3 == 2:
            attack = hostile[(number // 3 + box.id) % len(hostile)]
            job = make_job(attack, build, names, 1)
            result = await box.run(job)
            for blob in (*result.files.values(), *job.files.values()):
                if isinstance(blob, Blob):
                    blob.close()
        else:
            result = await box.run(HONEST)
            if (result.status, result.stdout) != (RunStatus.OK, b"golden\n"):
                wrong.append(f"run {number} in box {box.id}: {result}")


async def soak(build: Path, runs: int) -> dict[str, object]:
    """Return the census before and after *runs* runs, and every honest run that went wrong."""
    wrong: list[str] = []
    async with open_sandbox(slots=SLOTS, image=IMAGE, grade=Grade.REDUCED) as sandbox:
        share = partial(run_share, build=build, wrong=wrong)
        for box in sandbox.boxes:
            await share(box, runs=30)
        censuses = []
        for _ in range(2):
            await settle(BASE + PER_SLOT * SLOTS)
            for box in sandbox.boxes:
                await box.run(HONEST)
            await settle(BASE + PER_SLOT * SLOTS)
            censuses.append((await take_calm_census(), count_memory()))
            if len(censuses) == 1:
                async with trio.open_nursery() as nursery:
                    for box in sandbox.boxes:
                        nursery.start_soon(partial(share, box, runs=runs // SLOTS))
    (before, kb_before), (after, kb_after) = censuses
    return {
        "before": before,
        "after": after,
        "memory_kb": [kb_before, kb_after],
        "wrong": wrong,
    }


if __name__ == "__main__":
    found = trio.run(soak, Path(sys.argv[1]), int(sys.argv[2]))
    json.dump(found, sys.stdout, indent=1)
    sys.exit(0 if found["before"] == found["after"] and not found["wrong"] else 1)
