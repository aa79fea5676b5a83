"""The machine runs out of disk and memory, and programs that try to take it all."""

from __future__ import annotations

from pathlib import Path

import httpx2
import trio

from protocol import keys
from tests.faults.fault import Setup, fault
from tests.faults.ground import QUICK, Ground
from tests.faults.store import fill
from tests.system.conftest import reference, submission
from tests.system.test_hostile import PROGRAMS, survivors

#: Log files and the compilers' cache on a file system of their own.
SMALL_DISK = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
    'mkdir small && mount -t tmpfs -o size=4m none small && exec "$@"',
    "sh",
)
BOMBS = ("fork bomb", "10 GB", "endless output")
DISK_BOMB = (
    "block = b'x' * (1 << 20)\n"
    "with open('/tmp/bomb', 'wb', buffering=0) as file:\n"
    "    while True: file.write(block)"
)
BEAT_GAP_S = 7.0


async def judged_as(ground: Ground, code: str, language: str, user_id: str) -> str:
    """Submit *code*, wait, and return the verdict."""
    body = submission(code, language, user_id=user_id)
    async with httpx2.AsyncClient(base_url=f"http://{ground.api}", timeout=90.0) as http:
        answer = (await http.post("/submissions?wait=60", json=body)).json()
    return str(answer["verdict"])


@fault(
    19, "disk full for logs and builds",
    Setup(
        within=SMALL_DISK, worker='\nprocesses = 1\nslots = 2\ncache_dir = "small/cache"',
        more=QUICK.replace("[sandbox]", 'log_dir = "small/log"\n[sandbox]'),
    ),
)  # fmt: skip
async def full_disk(ground: Ground) -> str:
    """The file system of log files and of the compilers' cache is filled to the last byte."""
    small = Path(f"/proc/{ground.system.up.pid}/root{ground.folder}/small")
    ballast = fill(small)
    good = {name: reference("two-sum", "accepted", f".{name}") for name in ("py", "c")}
    verdicts = [
        await judged_as(ground, good["py"], "python", "u1"),
        await judged_as(ground, good["c"], "c", "u1"),
        await judged_as(ground, "print(1)", "python", "u1"),
    ]
    assert verdicts[0] == "accepted", verdicts
    assert verdicts[1] in ("accepted", "internal_error"), verdicts
    assert verdicts[2] == "wrong_answer", verdicts
    user, dropped = ground.user("u2"), 0
    # The last pages of the files had room left.
    while not dropped:
        await ground.judged(user, [await ground.submit(user, "print(1)")])
        dropped = (await ground.status())["log"]["dropped_lines"]
    ballast.unlink()
    assert await judged_as(ground, good["c"], "c", "u1") == "accepted"
    return f"{dropped} log lines dropped and counted; verdicts {verdicts}: none false"


@fault(
    31, "worker out of memory",
    absent="the supervisor has no reason `oom`: it shows SIGKILL, as of 3 and 4; a limit on a worker's own"
    " control group is the operator's, and none is made by us",
)  # fmt: skip
async def out_of_memory(_: Ground) -> str:
    """The kernel ends a worker that is over the limit of its control group."""
    raise AssertionError("not to be played")


@fault(32, "bombs as submissions", Setup(worker="\nprocesses = 1\nslots = 2"))
async def bombs(ground: Ground) -> str:
    """A fork bomb, 10 GB of memory, endless output and an endless file, two at a time."""
    (name,) = [each["name"] for each in (await ground.status())["workers"]]
    verdicts: dict[str, str] = {}
    gaps = [0.0]
    over = trio.Event()

    async def watch_beats() -> None:
        """Note the longest time between two signs of life."""
        last, seen_at = b"", trio.current_time()
        while not over.is_set():
            ends = await ground.broker.redis.call(("PEXPIRETIME", keys.worker(name)))
            if ends != last:
                gaps.append(trio.current_time() - seen_at)
                last, seen_at = ends, trio.current_time()
            await trio.sleep(0.05)

    async def submit(what: str, code: str) -> None:
        verdicts[what] = await judged_as(ground, code, "python", "mallory")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_beats)
        async with trio.open_nursery() as bombing:
            for what in BOMBS:
                bombing.start_soon(submit, what, PROGRAMS[what][0])
            bombing.start_soon(submit, "disk bomb", DISK_BOMB)
        over.set()
    assert set(verdicts) == {*BOMBS, "disk bomb"}
    # On a loaded machine it may get too little of it to use its time up before the clock does.
    assert verdicts["fork bomb"] in ("time_limit_exceeded", "idle_limit_exceeded"), verdicts
    assert verdicts["10 GB"] in ("memory_limit_exceeded", "runtime_error"), verdicts
    assert verdicts["endless output"] == "output_limit_exceeded", verdicts
    assert verdicts["disk bomb"] in (
        "memory_limit_exceeded",
        "runtime_error",
        "output_limit_exceeded",
    ), verdicts
    assert max(gaps) < BEAT_GAP_S, f"{max(gaps):.1f} s without a sign of life"
    assert not survivors()
    return f"{verdicts}; longest gap between beats {max(gaps):.1f} s (bound 7)"
