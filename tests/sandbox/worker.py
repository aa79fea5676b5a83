"""A worker that runs one endless program in each box and says what there is to kill.

Prints a JSON line {"pids": [every process below], "groups": [folders]} once the programs run, then
waits for ever. Used by the tests that kill it.
"""

import json
import os
import sys
from pathlib import Path

import trio

from sandbox import Grade, Job, Limits, open_sandbox

from drive import IMAGE, descendants, launcher_groups, wait_until  # isort: skip - beside this file

LIMITS = Limits(time_s=60, wall_s=60, memory_bytes=256 << 20, output_bytes=1 << 20)
SHELL = "(setsid sleep 1000 &) ; echo up; while :; do :; done"


def find_groups() -> list[str]:
    """Return the control groups that launchers below this process have made."""
    pids = {str(pid) for pid in descendants(os.getpid())}
    return [str(path) for path in launcher_groups() if path.name.split("-")[1] in pids]


async def main() -> None:
    """Start the programs and report."""
    async with (
        open_sandbox(slots=2, image=IMAGE, grade=Grade.REDUCED) as sandbox,
        trio.open_nursery() as nursery,
    ):
        for box in sandbox.boxes:
            job = Job(argv=("/bin/sh", "-c", SHELL), env={"PATH": "/bin"}, limits=LIMITS)
            nursery.start_soon(box.run, job)
        await wait_until(
            lambda: sum("sleep" in _name(pid) for pid in descendants(os.getpid())) == 2
        )
        report = {"pids": descendants(os.getpid()), "groups": find_groups()}
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        await trio.sleep_forever()


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


if __name__ == "__main__":
    sys.exit(trio.run(main))
