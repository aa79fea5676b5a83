"""Make system calls at random inside runs for some seconds, and count what is left on the host.

``python tests/sandbox/fuzz.py [--build DIR] [--seconds N] [--seed N]`` (root or ordinary) prints
seed, calls, and the census before and after as JSON, and exits with 1 when anything outside a run
has changed, or an honest run between them did not give its golden output.
"""

import argparse
import json
import os
import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import trio

from sandbox import Blob, Box, Grade, Job, Sandbox, open_sandbox
from sandbox.attack import LIMITS

sys.path.insert(0, str(Path(__file__).parent))

from census import count_memory, leave_mounts_of_others, take_calm_census
from drive import BASE, IMAGE, PER_SLOT, settle
from playground import find_build

SLOTS = 2
#: Of a process's status what is its own: SigQ counts the signals of all that its user runs.
_OWN = ("Umask", "SigPnd", "SigBlk", "SigIgn", "SigCgt", "Uid", "Gid", "Cap", "Seccomp")
GOLDEN = Job(argv=("/bin/echo", "golden"), limits=LIMITS)
_RUN = replace(LIMITS, time_s=1.0, wall_s=1.5, processes=32, memory_bytes=64 << 20)


def look_outside() -> dict[str, object]:
    """Return what of this host a call that got out could have changed."""
    return {
        "host name": os.uname().nodename,
        "limits": Path("/proc/self/limits").read_text(),
        "working directory": str(Path.cwd()),
        "umask, signals": [
            line
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith(_OWN)
        ],
        "settings": {
            name: Path("/proc/sys", name).read_text()
            for name in ("kernel/core_pattern", "kernel/domainname", "vm/overcommit_memory")
        },
    }


class Fuzz:
    """One campaign: what was drawn, and what came of it."""

    def __init__(self, program: Blob, seed: int, until: float) -> None:
        self.calls = 0
        self.endings: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._program = program
        self._seeds = random.Random(seed)
        self._until = until

    async def run_share(self, box: Box) -> None:
        """Fuzz in *box* until the time is up, with an honest run after each one that is not."""
        while trio.current_time() < self._until:
            seed = self._seeds.getrandbits(48)
            argv = ("/box/any_calls", str(seed))
            result = await box.run(Job(argv=argv, files={"any_calls": self._program}, limits=_RUN))
            self.endings[str(result.status)] += 1
            # What is drawn may be a write to stdout: only whole lines of a number count.
            counts = [int(line) for line in result.stdout.split(b"\n") if line.isdigit()]
            self.calls += max((count for count in counts if count < 1 << 32), default=0)
            golden = await box.run(GOLDEN)
            if golden.stdout != b"golden\n":
                self.wrong.append(f"after seed {seed} in box {box.id}: {golden}")


async def calm(
    sandbox: Sandbox, wanted: dict[str, int] | None = None
) -> tuple[dict[str, int], int]:
    """Return census, which should be as *wanted*, and memory with nothing in progress."""
    await settle(BASE + PER_SLOT * SLOTS)
    for box in sandbox.boxes:
        await box.run(GOLDEN)
    await settle(BASE + PER_SLOT * SLOTS)
    return await take_calm_census(wanted), count_memory()


async def fuzz(build: Path, seconds: float, seed: int) -> dict[str, object]:
    """Return what *seconds* of random calls did."""
    with Blob.from_bytes((build / "any_calls").read_bytes(), executable=True) as program:
        async with open_sandbox(slots=SLOTS, image=IMAGE, grade=Grade.REDUCED) as sandbox:
            for box in sandbox.boxes:
                await box.run(GOLDEN)
            outside = look_outside()
            before, before_kb = await calm(sandbox)
            campaign = Fuzz(program, seed, trio.current_time() + seconds)
            async with trio.open_nursery() as nursery:
                for box in sandbox.boxes:
                    nursery.start_soon(campaign.run_share, box)
            after, after_kb = await calm(sandbox, before)
            if outside != look_outside():
                campaign.wrong.append(f"outside: {outside} became {look_outside()}")
    return {
        "seed": seed,
        "calls": campaign.calls,
        "endings": campaign.endings,
        "before": before,
        "after": after,
        "memory_kb": [before_kb, after_kb],
        "wrong": campaign.wrong,
    }


def main() -> int:
    """Fuzz, print what was found; 0 when nothing outside a run noticed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, help="where the programs lie compiled")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.getrandbits(32))
    options = parser.parse_args()
    leave_mounts_of_others()
    with find_build(options.build) as build:
        found = trio.run(fuzz, build, options.seconds, options.seed)
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0 if found["before"] == found["after"] and not found["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
