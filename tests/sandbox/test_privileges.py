"""What each process of the sandbox may still do, read from the kernel while a program runs."""

import contextlib
import os
from pathlib import Path

import trio

from sandbox import Grade, Job, Limits, capabilities, open_sandbox

from .drive import IMAGE, descendants, wait_until

LIMITS = Limits(time_s=5, wall_s=90, memory_bytes=256 << 20, output_bytes=1 << 20)
SLEEP = Job(argv=("/bin/sleep", "1000"), limits=LIMITS)
ALL = -1


def read_status(pid: int) -> dict[str, str]:
    """Return the lines of *pid*'s status by name."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def masks(pid: int) -> set[int]:
    """Return the sets of capabilities that *pid* holds, or could ever gain."""
    status = read_status(pid)
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    return {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")}


def children(pid: int) -> list[int]:
    """Return the children of *pid*, a process with one thread."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def expected(kept: tuple[int, ...]) -> int:
    """Return the mask of *kept* as status shows it."""
    return sum(1 << capability for capability in kept)


Seen = tuple[set[int], dict[str, str]]


async def look(without: tuple[str, ...] = ()) -> dict[str, list[Seen]]:
    """Start a program; return what each process of the sandbox holds while it runs."""
    async with (
        open_sandbox(slots=1, image=IMAGE, grade=Grade.REDUCED, _without=without) as sandbox,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(sandbox.boxes[0].run, SLEEP)
        await wait_until(lambda: sleepers() != [])
        launcher = descendants(os.getpid())[0]
        (warden,) = children(launcher)
        (cell,) = children(warden)
        found = {"launcher": [launcher], "warden": [warden], "cell": [cell]}
        # A spare run's init may be about to fork; the program's has done all that it will.
        found["program"] = sleepers()
        found["init"] = [int(read_status(pid)["PPid"]) for pid in found["program"]]
        report = {
            name: [(masks(pid), read_status(pid)) for pid in pids] for name, pids in found.items()
        }
        nursery.cancel_scope.cancel()
    return report


def sleepers() -> list[int]:
    """Return the programs that run below this process."""
    found = []
    for pid in descendants(os.getpid()):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text() == "sleep\n":
                found.append(pid)
    return found


async def test_every_process_keeps_only_the_privileges_it_needs() -> None:
    """Launcher and warden hold seven capabilities, cell and init five, a program none.

    What is in a cell can gain no more by executing anything, and is under one filter, a program
    under two.
    """
    with trio.fail_after(120):
        found = await look()
    held = expected(capabilities.OWN_LAUNCHER)
    if os.geteuid() == 0:
        held = expected(capabilities.LAUNCHER) & int(read_status(os.getpid())["CapPrm"], 16)
    assert [mask for mask, _ in found["launcher"] + found["warden"]] == [{held}] * 2
    for mask, status in found["cell"] + found["init"]:
        assert mask == {expected(capabilities.CELL)}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    ((mask, status),) = found["program"]
    assert mask == {0}
    assert status.get("Seccomp_filters", "2") == "2"


async def test_launcher_with_its_layer_off_keeps_all() -> None:
    """Without that step the launcher holds whatever its starter had, so the test above bites."""
    with trio.fail_after(120):
        found = await look(("launcher privileges",))
    assert found["launcher"][0][0] != {expected(capabilities.LAUNCHER)}
