"""Run the hostile programs in a sandbox of this user and tell what differed from their headers.

A process of its own, so that the same table runs as root and as an ordinary user:
``python drive.py BUILD_DIR [--without STEP ...] [--only NAME ...]`` prints one JSON object,
"program name, tier" -> list of faults. Each program's first lines say its row of the threat table,
its rule and what must be seen. Python programs run in both tiers.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import trio

from sandbox import (
    Blob,
    Box,
    Grade,
    Image,
    Job,
    RunStatus,
    Sandbox,
    Tier,
    host,
    open_sandbox,
    usual_paths,
)
from sandbox.attack import COMMAND, LIMITS, PYTHON, SHORT, Attack, open_doors, read_attack

#: Every program: the short rows that the product itself runs, and the rest.
TABLE = sorted(
    [*SHORT, *map(read_attack, (Path(__file__).parent / "programs").iterdir())],
    key=lambda attack: attack.path.name,
)
_PREFIX = str(Path(PYTHON).parent.parent)
IMAGE = Image(
    usual_paths() if _PREFIX == "/usr" else (*usual_paths(), _PREFIX),
    tuple(str(path) for path in Path(_PREFIX).glob("lib*/python*/*-packages")),
)
#: The launcher; a slot's warden, cell-init, and init and child of each of two parked runs.
BASE, PER_SLOT = 1, 6
#: How many times as long things may take in user-mode-linux.
UML_SLOW = 20


def tiers_of(attack: Attack) -> list[Tier]:
    """Return the tiers that *attack* can run in."""
    return ["exec", "fork"] if attack.is_python else ["exec"]


def make_job(
    attack: Attack, tier: Tier, build: Path, names: dict[str, str] | None = None, slow: int = 1
) -> Job:
    """Return the job that runs *attack*, *slow* times as long if it ends by itself."""
    source = build / attack.path.stem if attack.path.suffix == ".c" else attack.path
    program = Blob.from_bytes(source.read_bytes(), executable=not attack.is_python)
    return attack.job(COMMAND, program, names or {}, tier=tier, slow=slow)


def descendants(pid: int) -> list[int]:
    """Return all live processes below *pid*."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in map(int, children):
            found.append(child)
            try:
                found += descendants(child)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def launcher_groups() -> list[Path]:
    """Return the control groups that launchers on this host have, dead ones included."""
    # os.walk, not glob: groups of others vanish while we look, and that must not be an error.
    return [
        Path(folder, name)
        for folder, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if name.startswith("gavel-") and name.count("-") == 2
    ]


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until *condition*, about other processes, which notify nobody, holds."""
    while not condition():  # noqa: ASYNC110 - nothing signals the end of a stranger's process
        await trio.sleep(0.005)


async def settle(wanted: int) -> int:
    """Wait until there are *wanted* processes below this one; return how many there are."""
    with trio.move_on_after(60):
        await wait_until(lambda: len(descendants(os.getpid())) == wanted)
        return wanted
    return len(descendants(os.getpid()))


async def assail(
    box: Box, attack: Attack, tier: Tier, build: Path, names: dict[str, str], slow: int
) -> list[str]:
    """Run one program as often as its header says, then an honest one; return the faults."""
    faults: list[str] = []
    before = BASE + PER_SLOT
    for _ in range(attack.runs):
        job = make_job(attack, tier, build, names, slow)
        result = await box.run(job)
        faults += attack.faults(result)
        if result.tier != tier:
            faults.append(f"ran in the {result.tier} tier")
        for blob in (*result.files.values(), *job.files.values()):
            if isinstance(blob, Blob):
                blob.close()
    after = await settle(before)
    if after != before:
        faults.append(f"{before} processes before, {after} after")
    clean = await box.run(Job(argv=("/bin/echo", "clean"), limits=LIMITS))
    if (clean.status, clean.stdout) != (RunStatus.OK, b"clean\n"):
        faults.append(f"the next run was not clean: {clean}")
    return faults


async def drive(
    sandbox: Sandbox, attacks: list[Attack], build: Path, slow: int
) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Run every program, one after another in one box; return the faults and seconds of each."""
    faults: dict[str, list[str]] = {}
    seconds: dict[str, float] = {}
    todo = [(attack, tier) for attack in attacks for tier in tiers_of(attack)]
    with open_doors() as doors:
        names = {"secret": str(build / "gavel-canary"), **doors}
        for attack, tier in todo:
            await settle(BASE + PER_SLOT)
            began = trio.current_time()
            name = f"{attack.path.name}, {tier}"
            with trio.fail_after(120 * slow):
                faults[name] = await assail(sandbox.boxes[0], attack, tier, build, names, slow)
            seconds[name] = round(trio.current_time() - began, 2)
    return faults, seconds


def main() -> None:
    """Parse the arguments, run the table, print the faults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--uml", action="store_true", help="this is user-mode-linux, and slow")
    options = parser.parse_args()
    if options.uml:
        host._START_S *= UML_SLOW
    json.dump(trio.run(run_table, options), sys.stdout)


async def run_table(options: argparse.Namespace) -> dict[str, object]:
    """Run the programs that promise anything here; return the grade and their faults."""
    async with open_sandbox(
        slots=1,
        image=IMAGE,
        grade=Grade.REDUCED,
        interpreter=COMMAND,
        _without=options.without,
    ) as sandbox:
        attacks = [
            attack
            for attack in TABLE
            if (not options.only or attack.path.name in options.only)
            and attack.fits(Grade.FULL if options.without else sandbox.grade)
            and not (options.uml and attack.header.get("kernel") == "not uml")
        ]
        faults, seconds = await drive(
            sandbox, attacks, options.build, UML_SLOW if options.uml else 1
        )
    return {"grade": str(sandbox.grade), "faults": faults, "seconds": seconds}


if __name__ == "__main__":
    main()
