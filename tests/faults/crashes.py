"""SIGKILL of each daemon at the moment that hurts most; and the controls of that."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import datetime

import httpx2
import trio

from tests.chaos.clients import User
from tests.chaos.run import Plan, run_chaos
from tests.faults.fault import TWO_WORKERS, Setup, TooLate, fault
from tests.faults.ground import TRIES, Ground
from tests.system.conftest import is_alive, processes_of, submission

#: `[worker]` of the faults, as in tests/system: a lease of 3 s in place of 15, the rest likewise.
LEASE_S = 3.0
#: As long as nobody ends it.
ENDLESS = "import time\nwhile True: time.sleep(0.05)"
SLOW = "import time\ntime.sleep(0.8)\nprint(1)"
#: Long enough for whoever is killed in the middle, within the time of two-sum.
LIFELINE_S = 6.0


async def post(ground: Ground, user: str, key: str = "") -> httpx2.Response | None:
    """Submit once; None if the connection was lost before there was an answer."""
    headers = {"Idempotency-Key": key} if key else {}
    body = submission("print(1)", user_id=user)
    try:
        return await ground.http.post("/submissions", json=body, headers=headers)
    except (httpx2.NetworkError, httpx2.ProtocolError):
        return None


async def answer_of(
    ground: Ground, user: str, key: str, refusals: list[str]
) -> httpx2.Response | None:
    """Submit until the answer is no 503, each of which is put to *refusals*.

    A machine that stands still for a second makes one, and says not whether it was stored.
    """
    while (answer := await post(ground, user, key)) is not None and answer.status_code == 503:
        refusals.append(user)
        await trio.sleep(0.1)
    return answer


async def ids_of(ground: Ground, user: str) -> set[str]:
    """Return the ids of all submissions of *user*."""
    listed: list[dict[str, str]] = []

    async def answered() -> bool:
        answer = await ground.http.get("/submissions", params={"user_id": user})
        listed[:] = answer.json().get("submissions", [])
        return answer.status_code == 200

    await ground.until(answered, "what there is is listed")
    return {each["id"] for each in listed}


@fault(1, "API killed before and after it submits")
async def kill_api(ground: Ground) -> str:
    """SIGKILL of the API at `api.before_submit` and `api.after_submit`, with a key and without."""
    careful, careless = ground.user("careful"), ground.user("careless")
    refusals: list[str] = []
    for point in ("api.before_submit", "api.after_submit"):
        for user, key in ((careful, point), (careless, "")):
            before = await ground.pids("api")
            ticket = ground.arm(point)
            assert await answer_of(ground, user.name, key, refusals) is None
            assert not ticket.exists()
            await ground.replaced("api", before)
            answer = await answer_of(ground, user.name, key, refusals)
            assert answer is not None
            assert answer.status_code == 202
            user.accepted.add(answer.json()["id"])
    assert await ids_of(ground, "careful") == careful.accepted
    assert len(careful.accepted) == 2
    extra = await ids_of(ground, "careless") - careless.accepted
    assert 1 <= len(extra) <= 1 + refusals.count("careless"), extra
    await ground.judged(careless, extra)
    await ground.judged(careful, careful.accepted)
    await ground.check_attempts(careful.accepted, 1)
    return "with a key one id and one run each; without, one more submission, listed and judged"


async def popped(ground: Ground) -> str:
    """SIGKILL of a worker at `worker.popped`, between the pop and the claim."""
    user = ground.user("u1")
    ticket = ground.arm("worker.popped")
    id_ = await ground.submit(user)
    await ground.until(lambda: not ticket.exists(), "the worker dies")
    took_s = await ground.until(
        lambda: "started" in ground.told(user, id_), "pushed again within grace and sweep", 5.0
    )
    await ground.judged(user, [id_])
    await ground.check_attempts([id_], 1)
    return f"claimed again {took_s:.1f} s after the death (bound 5), attempt 1"


fault(2, "worker killed at `popped`")(popped)
fault(
    2, "control: no repair of what was popped", Setup(sabotage="repair"), must_fail="pushed again"
)(popped)


@fault(3, "worker killed at `claimed`")
async def claimed(ground: Ground) -> str:
    """SIGKILL of a worker at `worker.claimed`: the claim is in the store, nothing runs."""
    user = ground.user("u1")
    ticket = ground.arm("worker.claimed")
    id_ = await ground.submit(user)
    await ground.until(lambda: not ticket.exists(), "the worker dies")
    took_s = await ground.until(
        lambda: "requeued" in ground.told(user, id_), "queued again", LEASE_S + 2
    )
    await ground.judged(user, [id_])
    await ground.check_attempts([id_], 2)
    return f"queued again {took_s:.1f} s after the death (bound {LEASE_S + 2:g}), attempt 2"


@fault(4, "worker killed while a program runs")
async def running(ground: Ground) -> str:
    """SIGKILL of the worker whose sandbox runs an endless program."""
    user = ground.user("u1")
    id_ = await ground.submit(user, ENDLESS)
    pid = await ground.worker_of(id_)
    await ground.until(lambda: "compiled" in ground.told(user, id_), "it runs")
    below = {each for each in processes_of(pid) if each.pid != pid}
    ground.send(pid, signal.SIGKILL, "worker")
    took_s = await ground.until(
        lambda: not any(map(is_alive, below)), "no process of the old run", 1.0
    )
    requeued_s = await ground.until(
        lambda: "requeued" in ground.told(user, id_), "queued again", LEASE_S + 2
    )
    await ground.judged(user, [id_])
    await ground.check_attempts([id_], 2)
    assert await ground.record(id_, "verdict") == ["idle_limit_exceeded"]
    return (
        f"its {len(below)} processes gone after {took_s:.2f} s (bound 1), queued again after"
        f" {requeued_s:.1f} s, attempt 2"
    )


@fault(5, "worker killed around its last word")
async def around_finish(ground: Ground) -> str:
    """SIGKILL of a worker when it has judged, when FINISH is sent and unread, and when answered."""
    user = ground.user("u1")
    attempts = {}
    for point in ("worker.judged", "worker.finished"):
        ticket = ground.arm(point)
        id_ = await ground.submit(user, "print(1)")
        worker = await ground.taker(ticket)
        await ground.judged(user, [id_])
        attempts[point] = (await ground.record(id_, "attempt"))[0]
        await ground.replaced("worker", [worker])
    await ground.check_attempts([id_], 1)
    # What was read of a dead one counts, and need not be judged again.
    for _ in range(TRIES):
        attempts["sent"] = await kill_unread(ground, user)
        if attempts["sent"] == "1":
            break
    else:
        raise TooLate(f"{TRIES} times it had sent nothing yet when it died")
    assert all(ground.told(user, each).count("judged") == 1 for each in user.accepted)
    return f"one final each; attempts {attempts}"


async def kill_unread(ground: Ground, user: User) -> str:
    """Let the store stand still while a worker writes, then kill that; return how often it was tried."""
    ticket = ground.arm("worker.judged", signal.SIGSTOP)
    id_ = await ground.submit(user, "print(1)")
    worker = await ground.taker(ticket)
    (store,) = await ground.pids("store")
    ground.send(store, signal.SIGSTOP, "store")
    ground.send(worker, signal.SIGCONT, "worker")
    await trio.sleep(0.3)  # what it writes waits in the kernel
    ground.send(worker, signal.SIGKILL, "worker")
    ground.send(store, signal.SIGCONT, "store")
    await ground.judged(user, [id_])
    await ground.replaced("worker", [worker])
    return (await ground.record(id_, "attempt"))[0]


@fault(8, "SIGKILL and SIGSTOP at random", Setup(bare=True))
async def at_random(_: Ground) -> str:
    """40 s of random SIGKILL, SIGSTOP and crash points; `make chaos` does it for ten minutes."""
    seed = f"{time.time_ns():x}"
    outcome = await trio.to_thread.run_sync(run_chaos, Plan(seconds=40, seed=seed))
    assert not outcome.wrong, f"seed {seed}: {outcome.wrong[:3]}"
    accepted = sum(len(user.accepted) for user in outcome.users)
    waits = sorted(wait for user in outcome.users for wait in recoveries(user)) or [0.0]
    p99 = waits[min(len(waits) - 1, round(0.99 * len(waits)))]
    return (
        f"seed {seed}: {outcome.faults.total()} faults and deaths, {accepted} accepted, none lost;"
        f" {len(waits)} recovered, p99 {p99:.1f} s after their last sign of life"
    )


def recoveries(user: User) -> Iterator[float]:
    """Yield, for each submission that was taken from its worker, the seconds since its last event."""
    last: dict[str, datetime] = {}
    for id_ in sorted(user.events):
        event = user.events[id_]
        at = datetime.fromisoformat(event["at"])
        if event["type"] == "submission.requeued":
            yield (at - last[event["submission_id"]]).total_seconds()
        last[event["submission_id"]] = at


async def kill_gateway(ground: Ground) -> str:
    """SIGKILL of the gateway, twice, under 200 sockets of 10 users in mid-stream."""
    users = [ground.user(f"u{number}", watching=20) for number in range(10)]
    over = trio.Event()
    async with trio.open_nursery() as playing:
        for user in users:
            playing.start_soon(user.submit, ground.api, over)
        took_s = []
        await ground.greeted()
        for _ in range(2):
            await trio.sleep(2.0)
            before = [each.greeted for each in ground.users]
            await ground.strike("gateway", signal.SIGKILL)
            took_s.append(await ground.greeted(before))
        over.set()
    events = sum(len(user.events) for user in ground.users)
    return (
        f"{len(ground.users)} clients back twice, the last after {max(took_s):.1f} s;"
        f" {events} events told, none missed"
    )


fault(6, "gateway killed in mid-stream", Setup(worker=TWO_WORKERS))(kill_gateway)


async def publish_first(ground: Ground) -> str:
    """As before, for one user, with PUBLISH before the append to the history."""
    # Two watchers, for then neither hangs up: who is away is not told what the history lacks.
    user = ground.user("u1", watching=2)
    await ground.greeted()
    await ground.judged(user, [await ground.submit(user, "print(1)") for _ in range(3)])
    return "nothing"


fault(
    6, "control: PUBLISH before the append", Setup(sabotage="append"),
    must_fail="told but not in the history",
)(publish_first)  # fmt: skip
