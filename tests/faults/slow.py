"""Clients that never read, and clients that drip, while others go on as before."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence

import trio

from protocol import keys
from protocol.messages import SubmissionRequest
from tests.chaos.clients import User
from tests.daemons.gateway.conftest import RawPeer
from tests.faults.clients import connect, gateway, raw_peer, resident_bytes
from tests.faults.fault import TooLate, fault
from tests.faults.ground import Ground

#: For a client that reads none of them: of each submission that is cancelled at once, two.
EVENTS = 10_000
#: How many round trips are compared with as many, and how often at most.
TRIPS = 100
ROUNDS = 4


async def publish(ground: Ground, user: str, count: int) -> list[str]:
    """Make 2 * *count* events of *user*: so many submissions, cancelled at once."""
    ids = []
    for _ in range(count):
        request = SubmissionRequest(
            problem_id="two-sum", user_id=user, language="python", code="print(1)", priority="low"
        )
        id_ = (await ground.broker.submit(request)).submission.id
        await ground.broker.cancel(id_)
        ids.append(id_)
    return ids


async def round_trip(ground: Ground, user: User) -> float:
    """Return how long a submission takes from its POST to its verdict at the WebSocket, in seconds."""
    begun = trio.current_time()
    await ground.judged(user, [await ground.submit(user, "print(1)")])
    return trio.current_time() - begun


def slowest_but_1_percent(times: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return sorted(times)[max(0, len(times) - len(times) // 100 - 1)]


async def compare(measure: Callable[[int], Awaitable[tuple[list[float], list[float]]]]) -> str:
    """Check that 99 % of round trips take less than twice as long beside something; tell how long.

    *measure* returns the seconds alone and beside it. The machine has slow moments of its own, so
    it has some rounds: what stands beside is there in each of them.
    """
    told = []
    for turn in range(ROUNDS):
        alone, beside = await measure(turn)
        before, now = slowest_but_1_percent(alone), slowest_but_1_percent(beside)
        told.append(f"p99 of {len(beside)} round trips {before * 1000:.0f} and {now * 1000:.0f} ms")
        if now < 2 * before:
            return "; before that ".join(reversed(told))
    raise TooLate("; ".join(told))


async def publish_beside(ground: Ground, user: User, reader: str) -> list[float]:
    """Return the seconds of round trips of *user* while *reader* gets 10,000 events: 100 at least."""
    found: list[float] = []
    over = trio.Event()

    async def go_round() -> None:
        while len(found) < TRIPS or not over.is_set():
            found.append(await round_trip(ground, user))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(go_round)
        async with trio.open_nursery() as publishing:
            for _ in range(8):
                publishing.start_soon(publish, ground, reader, EVENTS // 16)
        over.set()
    # All of it is cancelled; what would be left is hints that workers take and drop.
    await ground.broker.redis.call(("DEL", keys.queue(0, "low")))
    return found


async def wait_let_go(slow: RawPeer) -> None:
    """Read what the gateway has sent until it ends, which must be soon."""
    # Between two pings: the client is as slow as it was, and gets no pong through either.
    with trio.move_on_after(30.0) as patience:
        while await slow.receive_frame() is not None:
            pass
    assert not patience.cancelled_caught, "the slow client was never let go"


async def slow_reader(ground: Ground) -> str:
    """A client never reads while there are 10,000 events for it (1,000 are kept); others go on."""
    (pid,) = await ground.pids("gateway")
    user = ground.user("quick")
    await ground.judged(user, [await ground.submit(user, "print(1)") for _ in range(3)])
    grown: list[int] = []

    async def measure(turn: int) -> tuple[list[float], list[float]]:
        # As many events, and nobody there for whom they are.
        alone = await publish_beside(ground, user, f"nobody{turn}")
        async with raw_peer(ground, f"slow{turn}") as slow:
            before = resident_bytes(pid)
            beside = await publish_beside(ground, user, f"slow{turn}")
            grown.append(resident_bytes(pid) - before)
            await wait_let_go(slow)
        return alone, beside

    told = await compare(measure)
    if max(grown) > 2 << 20:
        raise TooLate(f"{max(grown)} bytes for it")
    again = ground.user(f"slow{len(grown) - 1}")
    await ground.until(lambda: len(again.events) >= 1000, "it gets all that is kept")
    assert again.warned["trimmed"] >= 1
    links = itertools.pairwise(again.events.values())
    assert all(after["prev"] == before_["id"] for before_, after in links)
    # The common check reads a story from its beginning, which is trimmed.
    ground.users.remove(again)
    return (
        f"{told} without and with it; {max(grown) / 1024:.0f} KiB for it; back, it got the"
        f" {len(again.events)} events that are kept"
    )


fault(33, "a client that never reads", gateway(alone=True, send_s=1.0, ping_s=2.5, pong_s=1.0))(
    slow_reader
)


async def slow_for_ever(ground: Ground) -> str:
    """As before, with 1,000 events, and a gateway that waits for an hour."""
    async with raw_peer(ground, "slow") as slow:
        await publish(ground, "slow", 500)
        await wait_let_go(slow)
    return "nothing"


fault(
    33, "control: no deadline for sending", gateway(send_s=3600.0, ping_s=3600.0, pong_s=3600.0),
    must_fail="never let go",
)(slow_for_ever)  # fmt: skip


async def drip(ground: Ground, address: str, begin: bytes, more: bytes, waits: list[float]) -> None:
    """Send *begin*, then *more* twice a second until the server hangs up; note after how long."""
    async with await connect(address) as stream:
        begun = trio.current_time()
        with trio.move_on_after(60.0):
            try:
                await stream.send_all(begin)
                while True:
                    await stream.send_all(more)
                    with trio.move_on_after(0.5):
                        if not await stream.receive_some(4096):
                            break
            except trio.BrokenResourceError:
                pass
        waits.append(trio.current_time() - begun)


@fault(37, "500 clients that drip", gateway(alone=True))
async def slowloris(ground: Ground) -> str:
    """500 clients send headers, bodies and handshakes a byte at a time while 20 real ones work."""
    users = [ground.user(f"u{number}") for number in range(20)]
    waits: list[float] = []
    kinds = (
        (ground.api, b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (
            ground.api,
            (
                b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 1000\r\n\r\n"
            ),
            b" ",
        ),
        (ground.gateway, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n", b"X: y\r\n"),
    )

    async def round_trips() -> list[float]:
        found: list[float] = []

        async def one(user: User) -> None:
            found.extend([await round_trip(ground, user) for _ in range(TRIPS // len(users))])

        async with trio.open_nursery() as nursery:
            for user in users:
                nursery.start_soon(one, user)
        return found

    async def measure(_: int) -> tuple[list[float], list[float]]:
        alone = await round_trips()
        async with trio.open_nursery() as nursery:
            for number in range(500):
                nursery.start_soon(drip, ground, *kinds[number % 3], waits)
            beside = await round_trips()
        return alone, beside

    await round_trips()
    told = await compare(measure)
    if max(waits) > 15.0:
        raise TooLate(f"the slowest was let be for {max(waits):.0f} s")
    return f"{told} without and with them; all slow ones closed within {max(waits):.1f} s"
