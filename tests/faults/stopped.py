"""Daemons that stand still and go on later, and the control of their fence."""

from __future__ import annotations

import signal
from functools import partial

import httpx2
import trio

from tests.faults.fault import TWO_WORKERS, Setup, fault
from tests.faults.ground import QUICK, Ground
from tests.faults.store import load

#: No watchdog comes between: the worker itself must find out.
UNWATCHED = QUICK.replace("[sandbox]", "watchdog_s = 600.0\n[sandbox]")
LEASES_S = 9.0


def watched(daemon: str) -> str:
    """Return tables with a watchdog of a tenth for *daemon* alone: the others have time."""
    return f"{QUICK}[supervisor.{daemon}]\nwatchdog_s = 1.0\n"


async def stop_worker(ground: Ground) -> str:
    """SIGSTOP of a worker that has judged, for three leases, then SIGCONT: it says FINISH too late."""
    user = ground.user("u1")
    ticket = ground.arm("worker.judged", signal.SIGSTOP)
    id_ = await ground.submit(user, "print(1)")
    first = await ground.taker(ticket)
    begun = trio.current_time()
    await ground.judged(user, [id_])
    took_s = trio.current_time() - begun
    other = (await ground.record(id_, "worker"))[0]
    await trio.sleep_until(begun + LEASES_S)
    ground.send(first, signal.SIGCONT, "worker")
    # Without its fence it says a second final; with it, it says in the log that it was too late.
    await ground.until(
        lambda: "fenced at the end" in ground.log() or ground.told(user, id_).count("judged") > 1,
        "its FINISH is answered",
    )
    assert ground.told(user, id_).count("judged") == 1, "2 final events"
    assert f"-{first}-" not in other
    return f"judged by the other worker after {took_s:.1f} s; the late FINISH was fenced"


fault(14, "worker stopped for three leases", Setup(more=UNWATCHED))(stop_worker)
fault(
    14, "control: no token check", Setup(more=UNWATCHED, sabotage="token"),
    must_fail="2 final events",
)(stop_worker)  # fmt: skip


@fault(14, "worker stopped while a program runs", Setup(more=UNWATCHED))
async def stop_running(ground: Ground) -> str:
    """SIGSTOP of a worker whose program runs, for three leases, then SIGCONT."""
    user = ground.user("u1")
    halted: list[int] = []

    async def send(number: signal.Signals, workers: list[int]) -> None:
        ground.send(workers[0], number, "worker")
        halted[:] = workers

    (id_,) = await ground.while_running(
        user, ["import time\ntime.sleep(1)\nprint(1)"],
        partial(send, signal.SIGSTOP), partial(send, signal.SIGCONT),
    )  # fmt: skip
    ground.stood_still += 1
    begun = trio.current_time()
    await ground.judged(user, [id_])
    await trio.sleep_until(begun + LEASES_S)
    await send(signal.SIGCONT, halted)
    # It may have had the result, and no time to say so.
    await ground.until(
        lambda: any(said in ground.log() for said in ("judging dropped", "fenced at the end")),
        "it drops what it ran",
    )
    assert ground.told(user, id_).count("judged") == 1
    return "the other worker judged it; the first killed its run when it went on"


@fault(15, "gateway stands still", Setup(more=watched("gateway"), worker=TWO_WORKERS))
async def stop_gateway(ground: Ground) -> str:
    """SIGSTOP of the gateway, watchdog at a tenth (1 s), 20 clients of 5 users."""
    users = [ground.user(f"u{number}", watching=4) for number in range(5)]
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load, ground, users, over)
        await trio.sleep(1.0)
        await ground.halt("gateway")

        async def replaced() -> bool:
            (one,) = await ground.instances("gateway")
            return one["restarts"] >= 1 and bool(one["ready"])

        took_s = await ground.until(replaced, "a new gateway", 12.0)
        over.set()
    return f"replaced after {took_s:.1f} s (bound 12; the watchdog's is 1); all clients have it all"


@fault(16, "API stands still under load", Setup(more=watched("api"), api="\nprocesses = 2"))
async def stop_api(ground: Ground) -> str:
    """SIGSTOP of one of two API processes under load, watchdog at a tenth; later SIGKILL of both."""
    users = [ground.user(f"u{number}") for number in range(3)]
    over = trio.Event()

    async def replaced() -> bool:
        found = await ground.instances("api")
        return any(one["restarts"] for one in found) and all(one["ready"] for one in found)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(load, ground, users, over)
        await trio.sleep(1.0)
        await ground.halt("api")
        before = sum(len(user.accepted) for user in users)
        await ground.until(
            lambda: sum(len(user.accepted) for user in users) > before, "the other one serves"
        )
        await ground.until(replaced, "a new process")
        over.set()
    # Nobody lives to accept: who comes now waits in the supervisor's socket.
    pids = await ground.pids("api")
    for pid in pids:
        ground.send(pid, signal.SIGKILL, "api")
    answers: list[int] = []

    async def look() -> None:
        async with httpx2.AsyncClient(base_url=f"http://{ground.api}", timeout=30.0) as http:
            answers.append((await http.get("/healthz")).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(look)
    assert answers == [200] * 10
    return "the other one served, a new one came; 10 of 10 in the backlog of none were answered"
