"""Run many programs, every third hostile, and count what is left on the host.

``python tests/sandbox/soak.py [--build DIR] [--runs N]`` (root or ordinary) prints the census
before and after as JSON and exits with 1 when they differ. The suite runs a short one;
``make soak`` runs ten thousand, which takes some minutes.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import trio

from sandbox import Blob, Box, Grade, Job, RunStatus, open_sandbox
from sandbox.attack import COMMAND, LIMITS

sys.path.insert(0, str(Path(__file__).parent))

from census import count_memory, leave_mounts_of_others, take_calm_census
from drive import BASE, IMAGE, PER_SLOT, TABLE, make_job, settle, tiers_of
from playground import find_build

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


async def run_share(box: Box, build: Path, runs: int, wrong: list[str]) -> None:
    """Run *runs* programs in one box, every third hostile."""
    hostile = [attack for attack in TABLE if attack.path.name in QUICK]
    names = {"secret": "", "abstract": "", "port": "1"}
    for number in range(runs):
        if number % 3 == 2:
            attack = hostile[(number // 3 + box.id) % len(hostile)]
            tier = tiers_of(attack)[number % len(tiers_of(attack))]
            job = make_job(attack, tier, build, names)
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
    async with open_sandbox(
        slots=SLOTS, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND
    ) as sandbox:
        share = partial(run_share, build=build, wrong=wrong)
        for box in sandbox.boxes:
            await share(box, runs=30)
        censuses = []
        for _ in range(2):
            await settle(BASE + PER_SLOT * SLOTS)
            for box in sandbox.boxes:
                await box.run(HONEST)
            await settle(BASE + PER_SLOT * SLOTS)
            wanted = censuses[0][0] if censuses else None
            censuses.append((await take_calm_census(wanted), count_memory()))
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


def main() -> int:
    """Soak, print what was found; 0 when nothing is left and nothing went wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, help="where the programs lie compiled")
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    leave_mounts_of_others()
    with find_build(options.build) as build:
        found = trio.run(soak, build, options.runs)
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0 if found["before"] == found["after"] and not found["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
