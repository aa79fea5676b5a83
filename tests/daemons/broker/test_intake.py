"""BRPOP that loses nothing, whoever gives up when; and no list that starves. On real servers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis
import trio

from daemons.broker import Broker, Intake, Popped, StoreUnavailable, open_broker, open_intake
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import PATIENCE_S, config_of, eventually, open_proxy


@asynccontextmanager
async def opened(url: str, **store: object) -> AsyncIterator[tuple[Broker, Intake]]:
    """Open a broker and its intake, connected both."""
    with trio.fail_after(PATIENCE_S):
        async with (
            open_broker(config_of(url, **store), name="test") as broker,
            open_intake(broker, name="intake") as intake,
        ):
            await eventually(lambda: broker.redis.connected and intake.redis.connected)
            yield broker, intake


async def pop_until_empty(intake: Intake) -> list[bytes]:
    """Return what is in the lists, popped."""
    got = []
    while (popped := await intake.pop(suspects=True)) is not None:
        got.append(popped.element)
    return got


async def test_pop_returns_the_oldest_and_tells_its_list(any_store: StoreProcess) -> None:
    """LPUSH in, BRPOP out."""
    async with opened(any_store.url) as (broker, intake):
        await broker.redis.lpush("q:{0}:normal", "1|a", "2|b")
        assert await intake.pop(suspects=False) == Popped(0, "normal", b"1|a")
        assert await intake.pop(suspects=False) == Popped(0, "normal", b"2|b")


async def test_pop_of_empty_lists_ends_by_itself(store: StoreProcess) -> None:
    """The wait on the server is short, so that a dead client swallows an element only briefly."""
    async with opened(store.url) as (_, intake):
        assert await intake.pop(suspects=False) is None


async def test_cancelled_pop_loses_nothing(any_store: StoreProcess) -> None:
    """However a cancel falls upon an arriving element: it was returned, or it is in the list."""
    rng = random.Random(7)
    got: list[bytes] = []
    rounds = 300

    async with opened(any_store.url) as (broker, intake):

        async def push(number: int, after_s: float) -> None:
            await trio.sleep(after_s)
            await broker.redis.lpush("q:{0}:normal", number)

        for number in range(rounds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(push, number, rng.random() * 0.004)
                with trio.move_on_after(rng.random() * 0.004):
                    popped = await intake.pop(suspects=False)
                    if popped is not None:
                        got.append(popped.element)
        got += await pop_until_empty(intake)

    assert sorted(map(int, got)) == list(range(rounds))


async def test_unblock_ends_a_pop_at_once_and_loses_nothing(any_store: StoreProcess) -> None:
    """A stopping worker's CLIENT UNBLOCK beside an arriving element: popped, or still there."""
    got: list[bytes] = []
    rounds = 200

    async with opened(any_store.url) as (broker, intake):

        async def disturb(number: int) -> None:
            if number % 2:
                await intake.unblock()
            await broker.redis.lpush("q:{0}:normal", number)
            await intake.unblock()

        for number in range(rounds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(disturb, number)
                popped = await intake.pop(suspects=False)
                if popped is not None:
                    got.append(popped.element)
        got += await pop_until_empty(intake)

    assert sorted(map(int, got)) == list(range(rounds))


@pytest.mark.parametrize("reconnects", [0, 2])
async def test_unblock_reaches_a_waiting_pop(
    reconnects: int, store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pop that would wait much longer is unblocked, on whichever connection it is by then."""
    monkeypatch.setattr("daemons.broker.intake._BLOCK_S", PATIENCE_S * 2)
    monkeypatch.setattr("daemons.broker.intake._MARGIN_S", PATIENCE_S * 2)
    async with open_proxy(store) as proxy, opened(proxy.url) as (broker, intake):
        for _ in range(reconnects):
            proxy.cut()
            await eventually(lambda: not intake.redis.connected)
            await eventually(lambda: broker.redis.connected and intake.redis.connected)

        async def stop() -> None:
            with redis.Redis.from_url(store.url) as operator:
                await eventually(lambda: operator.info("clients")["blocked_clients"] == 1)
            await intake.unblock()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            assert await intake.pop(suspects=False) is None


async def test_unblock_of_a_lost_store_is_no_error(store: StoreProcess) -> None:
    """A worker that stops while the store is away stops all the same."""
    async with opened(store.url) as (_, intake):
        store.kill()
        await intake.unblock()


async def test_blackholed_pop_ends(store: StoreProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pop into a partition ends by its time limit, and the next one is on a new connection."""
    monkeypatch.setattr("daemons.broker.intake._MARGIN_S", -0.8)
    async with open_proxy(store) as proxy, opened(proxy.url) as (_, intake):
        proxy.blackhole = True
        with pytest.raises(StoreUnavailable, match="no reply within"):
            await intake.pop(suspects=False)


async def test_cut_pop_is_an_unavailable_store(
    store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is cut under a waiting pop is told to the worker, who tries again."""
    monkeypatch.setattr("daemons.broker.intake._BLOCK_S", PATIENCE_S * 2)
    monkeypatch.setattr("daemons.broker.intake._MARGIN_S", PATIENCE_S * 2)
    async with open_proxy(store) as proxy, opened(proxy.url) as (broker, intake):

        async def cut() -> None:
            with redis.Redis.from_url(store.url) as operator:
                await eventually(lambda: operator.info("clients")["blocked_clients"] == 1)
            proxy.cut()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut)
            with pytest.raises(StoreUnavailable):
                await intake.pop(suspects=False)
        await eventually(lambda: broker.redis.connected and intake.redis.connected)
        await broker.redis.lpush("q:{0}:normal", "1|a")

        assert await intake.pop(suspects=False) == Popped(0, "normal", b"1|a")


async def test_suspects_are_popped_only_when_asked_for(any_store: StoreProcess) -> None:
    """What may kill its worker comes only to one that has nothing else to lose."""
    async with opened(any_store.url) as (broker, intake):
        await broker.redis.lpush("q:{0}:suspect", "1|s")
        await broker.redis.lpush("q:{0}:low", "2|l")

        assert await intake.pop(suspects=False) == Popped(0, "low", b"2|l")
        assert await intake.pop(suspects=False) is None
        assert await intake.pop(suspects=True) == Popped(0, "suspect", b"1|s")


async def test_no_list_starves_beside_full_ones(store: StoreProcess) -> None:
    """With something in every list, each list is served, the urgent ones more often."""
    async with opened(store.url, partitions=2) as (broker, intake):
        lists = {key: told for key, told in intake._sources.items() if told[1] != "suspect"}
        await broker.redis.pipeline_of(*(("LPUSH", key, *range(600)) for key in lists))
        served = Counter([(await intake.pop(suspects=False))[:2] for _ in range(600)])

    by_queue = Counter()
    for (_, queue), count in served.items():
        by_queue[queue] += count
    assert set(served) == set(lists.values())
    assert by_queue["high"] > by_queue["normal"] > by_queue["low"] > 10
    for queue in ("high", "normal"):
        assert min(served[0, queue], served[1, queue]) > by_queue[queue] / 4
