"""The machine runs out of disk and memory, and programs that try to take it all."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx2
import trio

from protocol import keys
from sandbox.cgroup.v1 import find_parents
from tests.faults.crashes import ENDLESS
from tests.faults.fault import Setup, TooLate, fault
from tests.faults.ground import QUICK, Ground
from tests.faults.store import fill
from tests.faults.supervision import deaths
from tests.system.conftest import Seen, is_alive, processes_of, reference, see, submission
from tests.system.test_hostile import PROGRAMS

#: Log files and the compilers' cache on a file system of their own; the worker's copy of all tests
#: (some 10 MB) is made there as it starts.
SMALL_DISK = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
    'mkdir small && mount -t tmpfs -o size=48m none small && exec "$@"',
    "sh",
)
BOMBS = ("fork bomb", "10 GB", "endless output")
DISK_BOMB = (
    "block = b'x' * (1 << 20)\n"
    "with open('/tmp/bomb', 'wb', buffering=0) as file:\n"
    "    while True: file.write(block)"
)
BEAT_GAP_S = 7.0
#: A worker and its launcher; of each of two slots a warden, a cell's init, and two parked runs with
#: an init of their own.
CALM = 2 + 2 * (2 + 2 * 2)


async def judged_as(ground: Ground, code: str, language: str, user_id: str) -> str:
    """Submit *code*, wait, and return the verdict."""
    body = submission(code, language, user_id=user_id)
    async with httpx2.AsyncClient(base_url=f"http://{ground.api}", timeout=90.0) as http:
        answer = await http.post("/submissions?wait=60", json=body)
    if answer.status_code == 202:
        raise TooLate(f"not judged within 60 s: {code[:40]!r}")
    return str(answer.json()["verdict"])


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


#: All of a system in a control group of its own, whose limit the fault lowers.
_MEMORY = (find_parents() or {}).get("memory", "")
_LIMIT = "memory.limit_in_bytes"
OWN_GROUP = (
    *("sh", "-c"),
    f'mkdir "{_MEMORY}/gavel-fault-$$" && echo $$ >"{_MEMORY}/gavel-fault-$$/cgroup.procs" && exec "$@"',
    "sh",
)
#: Takes memory, a MiB with each line that it reads, and is the last that the kernel would choose.
BALLOON = """
import sys
open("/proc/self/oom_score_adj", "w").write("-1000")
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
taken = [bytearray(b"x") * (1 << 20) for _ in sys.stdin]
"""


@fault(
    31, "worker out of memory", Setup(worker="\nprocesses = 1\nslots = 4", within=OWN_GROUP),
    absent="" if _MEMORY else "needs a memory controller (v1) in which we may make groups",
)  # fmt: skip
async def out_of_memory(ground: Ground) -> str:
    """The control group of the whole system runs full while four programs run."""
    group = Path(f"{_MEMORY}/gavel-fault-{ground.system.up.pid}")
    user = ground.user("u1")
    try:
        ids = [await ground.submit(user, ENDLESS) for _ in range(4)]
        (worker,) = {await ground.worker_of(id_) for id_ in ids}
        used = int((group / "memory.usage_in_bytes").read_text())
        (group / _LIMIT).write_text(str(used + (2 << 20)))
        await fill_memory(group, see(worker))
        (group / _LIMIT).write_text("-1")
        await ground.judged(user, ids)
        await ground.until(ground.ready, "a worker that stays")
        # The next one may come before there is room again, and die of it in its own way.
        died = deaths(ground, "worker")
        reason = died[0]["reason"]
        assert "oom" in reason, reason
        ground.expected["worker"] = len(died)
        await ground.settle()
        await ground.check_restarts()
    finally:
        with suppress(OSError):
            (group / _LIMIT).write_text("-1")
        ground.after.append(group.rmdir)
    return f"{reason}; its 4 runs were judged again; nobody else was touched"


async def fill_memory(group: Path, worker: Seen) -> None:
    """Take memory in *group* until the process *worker* has ended."""
    balloon = await trio.lowlevel.open_process(
        [sys.executable, "-I", "-S", "-c", BALLOON, str(group)], stdin=subprocess.PIPE
    )
    assert balloon.stdin is not None
    try:
        with trio.fail_after(60):
            while is_alive(worker):
                await balloon.stdin.send_all(b"\n")
                await trio.sleep(0.02)
    finally:
        balloon.kill()
        with trio.CancelScope(shield=True):
            await balloon.wait()


@fault(32, "bombs as submissions", Setup(worker="\nprocesses = 1\nslots = 2"))
async def bombs(ground: Ground) -> str:
    """A fork bomb, 10 GB of memory, endless output and an endless file, two at a time."""
    names: list[str] = []

    async def known() -> bool:
        # While the store is slow to answer, `status` knows of no workers.
        names[:] = [each["name"] for each in (await ground.status())["workers"] or ()]
        return bool(names)

    await ground.until(known, "the worker's name")
    (name,) = names
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
    (worker,) = await ground.pids("worker")
    await ground.until(lambda: len(processes_of(worker)) <= CALM, "nothing of them is left running")
    if max(gaps) >= BEAT_GAP_S:
        raise TooLate(f"{max(gaps):.1f} s without a sign of life")
    return f"{verdicts}; longest gap between beats {max(gaps):.1f} s (bound 7)"
