"""A long queue, and many idle sockets beside it."""

from __future__ import annotations

import signal
import statistics

import trio

from benchmarks.endurance import open_crowd
from protocol import keys
from protocol.messages import SubmissionRequest
from tests.chaos.clients import User
from tests.faults.clients import gateway
from tests.faults.fault import TooLate, fault
from tests.faults.ground import Ground
from tests.faults.stopped import UNWATCHED

QUEUED = 100_000
SUBMITTERS = 50
#: A user may have a thousand that are not done.
OF_ONE_USER = 900
SOCKETS = 10_000
CROWD_S = 240.0
#: So many are judged to the end, once alone and once before all the others; the rest is taken out.
JUDGED = 200
#: Calls of the API and looks for what is lost; in rounds, for a machine has slow moments of its own,
#: and a long queue is there in each of them.
CALLS, ROUNDS = 100, 5
CALL_S = 0.05
SCAN_S = 0.005
#: A pop that waits lasts a second; what a halted worker waits with takes nothing after that.
POP_S = 1.5


@fault(
    38, "a long queue and many sockets",
    gateway(alone=True, max_connections_per_address=2 * SOCKETS)._replace(more=UNWATCHED),
)  # fmt: skip
async def deep(ground: Ground) -> str:
    """100,000 submissions are queued before the worker starts, beside 10,000 idle sockets."""
    user = ground.user("u1")
    worker = await halt_worker(ground)
    alone = await queue(ground, user, 0)
    ground.send(worker, signal.SIGCONT, "worker")
    alone_s = await ground.judged(user, alone)
    async with open_crowd(ground.gateway, SOCKETS, 0) as crowd:
        worker = await halt_worker(ground)
        first = await queue(ground, user, QUEUED - JUDGED)
        await ground.until(lambda: crowd.ready == SOCKETS, "all sockets are ready", CROWD_S)
        ground.send(worker, signal.SIGCONT, "worker")
        drained_s = await ground.judged(user, first)
        calls = [await p99_of_calls(ground, first[0]) for _ in range(ROUNDS)]
        scan_s = await quickest_scan(ground)
        left = int(await ground.broker.redis.call(("LLEN", keys.queue(0, "low"))))
        await ground.broker.redis.call(("DEL", keys.queue(0, "low"), keys.queued(0, "low")))
        await ground.judged(user, [await ground.submit(user, "print(1)")])
        assert crowd.ready == SOCKETS, f"{SOCKETS - crowd.ready} sockets lost"
    assert left > QUEUED / 2, f"only {left} were queued all the while"
    if "popped and never claimed" in ground.log():
        raise TooLate("put back though nobody had died: a claim took longer than `limbo_s`")
    if scan_s >= SCAN_S:
        raise TooLate(f"the look for what was popped and not claimed takes {scan_s * 1000:.1f} ms")
    if min(calls) >= CALL_S:
        raise TooLate(f"p99 of the API {min(calls) * 1000:.0f} ms and more")
    if drained_s > 2 * alone_s + 1.0:
        raise TooLate(f"{JUDGED} took {drained_s:.1f} s, without the queue {alone_s:.1f} s")
    attempts = {(await ground.record(id_, "attempt"))[0] for id_ in (*alone, *first)}
    assert attempts == {"1"}
    return (
        f"{left} and more queued, {SOCKETS} sockets: API p99 {min(calls) * 1000:.0f} to"
        f" {max(calls) * 1000:.0f} ms (bound 50); {JUDGED} judged in {drained_s:.1f} s, without them"
        f" in {alone_s:.1f}; scan {scan_s * 1000:.1f} ms (bound 5), 0 pushed again"
    )


async def halt_worker(ground: Ground) -> int:
    """Let the worker stand still, with nothing in its hands; return its pid."""
    pid = await ground.strike("worker", signal.SIGSTOP)
    await trio.sleep(POP_S)
    return pid


async def queue(ground: Ground, user: User, behind: int) -> list[str]:
    """Queue 200 of *user*, which are returned, and so many of others *behind* them."""
    ids = [await ground.submit(user, "print(1)") for _ in range(JUDGED)]
    async with trio.open_nursery() as nursery:
        for share in range(SUBMITTERS):
            nursery.start_soon(fill, ground, f"crowd{share}", behind // SUBMITTERS)
    return ids


async def fill(ground: Ground, name: str, count: int) -> None:
    """Queue *count* submissions of users who do not watch."""
    for number in range(count):
        request = SubmissionRequest(
            problem_id="two-sum", user_id=f"{name}-{number // OF_ONE_USER}", language="python",
            code="print(1)", priority="low",
        )  # fmt: skip
        await ground.broker.submit(request)


async def p99_of_calls(ground: Ground, submission_id: str) -> float:
    """Return the 99th percentile of the seconds that the API takes, while the worker works."""
    took = []
    for _ in range(CALLS):
        begun = trio.current_time()
        assert (await ground.http.get(f"/submissions/{submission_id}")).status_code == 200
        took.append(trio.current_time() - begun)
    return statistics.quantiles(took, n=100)[98]


async def quickest_scan(ground: Ground) -> float:
    """Return the seconds of the look for what was popped and never claimed, the quickest of 20."""
    found = []
    for _ in range(20):
        begun = trio.current_time()
        await ground.broker.script("repair", 0, "low", 60_000, 100)
        found.append(trio.current_time() - begun)
    return min(found)
