"""When a lease counts as over: when its holder was silent for a whole lease of one's own clock."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio
import trio.testing

from daemons.broker import Broker, Claim, Claims, open_broker, open_event_hub
from daemons.config import Worker
from daemons.worker.holdings import Holdings
from daemons.worker.keeper import Keeper
from protocol import keys
from protocol.messages import Status, SubmissionRequest, WorkerInfo

LEASE_S = 60.0
PATIENCE_S = 120.0
REQUEST = SubmissionRequest(problem_id="p", user_id="u1", language="c", code="x")
INFO = WorkerInfo(name="w1", slots=1, busy=0, grade="full")


@pytest.fixture
async def broker(store: Any) -> AsyncIterator[Broker]:
    """Give a broker of workers with long leases."""
    config = store.config(worker=Worker(lease_s=LEASE_S, beat_s=10.0))
    async with open_broker(config, name="keeper") as broker:
        yield broker


def keeper_of(broker: Broker) -> Keeper:
    """Return a worker's keeper."""
    return Keeper(broker, Claims(broker, "w1"), Holdings(LEASE_S), lambda: INFO)


async def hold(broker: Broker) -> Claim:
    """Submit something and claim it."""
    await broker.submit(REQUEST)
    hint = await broker.redis.call(("RPOP", keys.queue(0, "normal")))
    claim = await Claims(broker, "w0").claim(0, hint)
    assert claim is not None
    return claim


async def status(broker: Broker, id_: str) -> Status:
    """Return where a submission stands."""
    submission = await broker.get(id_)
    assert submission is not None
    return submission.status


async def test_keeper_expires_what_was_silent_for_a_lease(broker: Broker, mock_clock: Any) -> None:
    """It counts from when this process first saw it, however often it looks."""
    claim = await hold(broker)
    keeper = keeper_of(broker)
    mock_clock.jump(2 * LEASE_S)
    for _ in range(5):
        await keeper.expire_leases()
    mock_clock.jump(LEASE_S - 1)
    await keeper.expire_leases()
    assert await status(broker, claim.submission_id) is Status.COMPILING
    mock_clock.jump(2)
    await keeper.expire_leases()
    assert await status(broker, claim.submission_id) is Status.QUEUED


async def test_heartbeat_begins_the_watch_anew(broker: Broker, mock_clock: Any) -> None:
    """Each sign of life counts, however long this process takes to look."""
    claim = await hold(broker)
    keeper = keeper_of(broker)
    for _ in range(5):
        await keeper.expire_leases()
        mock_clock.jump(2 * LEASE_S)
        assert await Claims(broker, "w0").beat([claim]) == []
    await keeper.expire_leases()
    assert await status(broker, claim.submission_id) is Status.COMPILING


async def test_time_that_a_look_takes_is_nobodys_silence(store: Any, mock_clock: Any) -> None:
    """A store that stands still holds up heartbeats and looks alike: what lies between counts."""
    config = store.config(worker=Worker(lease_s=3.0, beat_s=1.0))
    async with open_broker(config, name="keeper") as broker:
        claim = await hold(broker)
        keeper = keeper_of(broker)
        await keeper.expire_leases()
        os.kill(store.process.pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.expire_leases)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(4.0)
            os.kill(store.process.pid, signal.SIGCONT)
        assert await status(broker, claim.submission_id) is Status.COMPILING


async def test_full_memory_keeps_nobody_from_taking_over(start_store: Any) -> None:
    """A sweep of a server without functions ends what was held by the dead, though memory is full."""
    store = start_store("--rename-command", "FUNCTION", "", server="redis")
    settings = Worker(lease_s=0.3, beat_s=0.1, sweep_s=0.05, limbo_s=0.1)
    with trio.fail_after(PATIENCE_S):
        async with open_broker(store.config(worker=settings), name="keeper") as broker:
            claim = await hold(broker)
            await broker.submit(REQUEST)
            await broker.redis.call(("RPOP", keys.queue(0, "normal")))
            await broker.redis.call(("CONFIG", "SET", "maxmemory", 1))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keeper_of(broker).sweep)
                while await status(broker, claim.submission_id) is not Status.QUEUED:  # noqa: ASYNC110  # a server's change sets no event
                    await trio.sleep(0.02)
                nursery.cancel_scope.cancel()


async def test_outage_begins_the_watch_anew(broker: Broker, store: Any, mock_clock: Any) -> None:
    """While the store was away nobody could beat, so what was seen before counts for nothing."""
    id_ = (await hold(broker)).submission_id
    keeper = keeper_of(broker)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.sweep)
        await turn(keeper, mock_clock)  # it sees the lease
        store.kill()
        await turn(keeper, mock_clock)  # it fails
        store.start()
        await turning(mock_clock, lambda: broker.redis.connected)
        mock_clock.jump(LEASE_S)
        await turn(keeper, mock_clock)
        nursery.cancel_scope.cancel()
    assert await status(broker, id_) is Status.COMPILING


async def test_keeper_obeys_only_what_names_the_claim(broker: Broker) -> None:
    """Junk on the control channel ends no worker, and a late word stops no later claim."""
    id_ = (await broker.submit(REQUEST)).submission.id
    claims, holdings = Claims(broker, "w1"), Holdings(LEASE_S)
    hint = await broker.redis.call(("RPOP", keys.queue(0, "normal")))
    claim = await claims.claim(0, hint)
    assert claim is not None
    control = keys.control(0)
    with trio.fail_after(PATIENCE_S):
        async with (
            open_event_hub(broker.config, name="hub") as hub,
            hub.listen(control) as heard,
            trio.open_nursery() as nursery,
        ):
            keeper = Keeper(broker, claims, holdings, lambda: INFO)
            nursery.start_soon(keeper.obey, hub, 0)
            with holdings.hold(claim, trio.current_time()) as held:
                for junk in (b"\xff", b"", id_, f"{id_}|another"):
                    await broker.redis.call(("PUBLISH", control, junk))
                    await heard.receive()
                await trio.testing.wait_all_tasks_blocked()
                assert held.why == ""
                await broker.cancel(id_)
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()
    assert held.why == "cancelled"


async def test_keeper_deletes_all_that_is_old_in_one_round(
    broker: Broker, mock_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are finished in a minute, the store does not fill up with them."""
    monkeypatch.setattr("daemons.broker.claims._SWEEP_LIMIT", 2)
    for _ in range(5):
        id_ = (await broker.submit(REQUEST)).submission.id
        await broker.cancel(id_)
        await broker.redis.call(("ZADD", "fin:{0}", 1, id_))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper_of(broker).clean)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(90)  # one round begins, and the next cannot
        give_up = time.monotonic() + PATIENCE_S
        while await broker.history("u1", 9) != ([], None):
            assert time.monotonic() < give_up
        nursery.cancel_scope.cancel()


async def turn(keeper: Keeper, clock: Any) -> None:
    """Let the sweep go round until it has changed what it knows."""
    before = dict(keeper._seen)
    await turning(clock, lambda: keeper._seen != before)


async def turning(clock: Any, condition: Callable[[], bool]) -> None:
    """Turn *clock* until *condition* holds; what answers meanwhile is real, so give it time."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        clock.jump(0.3)
        await trio.lowlevel.checkpoint()
