"""Subscriptions that vouch for being live, and say once when they were not. On real servers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis
import trio
import trio.testing

from daemons.broker import (
    EventHub,
    EventsInterrupted,
    Feed,
    StoreUnavailable,
    open_broker,
    open_event_hub,
)
from protocol import keys
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import (
    PATIENCE_S,
    REQUEST,
    Proxy,
    config_of,
    eventually,
    open_proxy,
)


@asynccontextmanager
async def opened(url: str, **more: float) -> AsyncIterator[EventHub]:
    """Open a hub, connected."""
    with trio.fail_after(PATIENCE_S):
        async with open_event_hub(config_of(url), name="hub", **more) as hub:
            await eventually(lambda: hub.redis.connected)
            yield hub


@pytest.fixture
def publish(store: StoreProcess) -> Callable[[str, object], int]:
    """Give a function that publishes for a user and returns how many clients heard it."""
    operator = redis.Redis.from_url(store.url)

    def publish_(user_id: str, message: object) -> int:
        return operator.publish(keys.events(0, user_id), str(message))

    yield publish_
    operator.close()


async def is_quiet(feed: Feed) -> bool:
    """Tell whether nothing waits in *feed*."""
    with trio.move_on_after(0.02):
        await feed.receive()
        return False
    return True


async def test_subscription_is_live_when_it_is_given(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """Whatever is published after `subscribe` has entered reaches the feed."""
    async with opened(store.url) as hub:
        for number in range(50):
            async with hub.subscribe(f"u{number}") as feed:
                assert publish(f"u{number}", number) == 1
                assert await feed.receive() == b"%d" % number


async def test_feeds_of_one_user_share_a_subscription(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """Each of a user's feeds gets each event; the server keeps one subscription, then none."""
    async with opened(store.url) as hub:
        async with hub.subscribe("u1") as first:
            async with hub.subscribe("u1") as second, hub.subscribe("u2") as other:
                assert publish("u1", "a") == 1
                assert [await first.receive(), await second.receive()] == [b"a", b"a"]
                assert await is_quiet(other)
            assert publish("u1", "b") == 1
            assert await first.receive() == b"b"
            # Nothing confirms an UNSUBSCRIBE, and the server may read another connection first.
            await eventually(lambda: publish("u2", "c") == 0)
        await eventually(lambda: publish("u1", "d") == 0)
        assert hub._channels == {}


async def test_feed_reads_on_after_a_cancel(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """A reader that gave up waiting misses nothing of what comes next."""
    async with opened(store.url) as hub, hub.subscribe("u1") as feed:
        assert await is_quiet(feed)
        publish("u1", "a")
        publish("u1", "b")
        assert [await feed.receive(), await feed.receive()] == [b"a", b"b"]


async def test_leaving_and_coming_back_at_once_stays_subscribed(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """A confirmation of the earlier subscription is not taken for that of the later one."""
    rng = random.Random(5)

    async def come_and_go(user_id: str) -> None:
        for number in range(60):
            if rng.random() < 0.5:
                with trio.move_on_after(rng.random() * 0.001):
                    async with hub.subscribe(user_id):
                        pass
            async with hub.subscribe(user_id) as feed:
                assert publish(user_id, number) == 1
                assert await feed.receive() == b"%d" % number

    async with open_proxy(store) as proxy, opened(proxy.url) as hub:
        proxy.delay_s = 0.001
        async with trio.open_nursery() as nursery:
            for user in range(5):
                nursery.start_soon(come_and_go, f"u{user}")


async def test_subscribing_to_an_absent_store_says_so(
    store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No confirmation, no feed; and nothing is left behind that would be subscribed later."""
    monkeypatch.setattr("daemons.broker.events._CONFIRM_S", 0.05)
    store.kill()
    async with open_event_hub(config_of(store.url), name="hub") as hub:
        with pytest.raises(StoreUnavailable, match="confirmed no subscription"):
            async with hub.subscribe("u1"):
                pass
        assert hub._channels == {}


async def test_second_feed_waits_for_the_connection_too(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the connection is away, a user who has a feed already gets no new one either."""
    async with opened(proxy.url) as hub, hub.subscribe("u1"):
        proxy.refusing = True
        proxy.cut()
        await eventually(lambda: not hub.redis.connected)
        monkeypatch.setattr("daemons.broker.events._CONFIRM_S", 0.05)
        with pytest.raises(StoreUnavailable):
            async with hub.subscribe("u1"):
                pass


async def test_lost_connection_interrupts_once_when_it_is_live_again(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """Each feed hears of the gap exactly once, and not before events flow again."""
    async with (
        open_proxy(store) as proxy,
        opened(proxy.url) as hub,
        hub.subscribe("u1") as first,
        hub.subscribe("u1") as second,
    ):
        publish("u1", "before")
        await eventually(lambda: first._events and second._events)
        proxy.refusing = True
        proxy.cut()
        await eventually(lambda: not hub.redis.connected)
        assert await first.receive() == b"before"
        assert await is_quiet(first)
        proxy.refusing = False

        for feed in (first, second):
            with pytest.raises(EventsInterrupted):
                await feed.receive()
        assert publish("u1", "after") == 1
        for feed in (first, second):
            assert await feed.receive() == b"after"
            assert await is_quiet(feed)


async def test_killed_store_interrupts(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """A store that was killed and started again is a gap like any other."""
    async with opened(store.url) as hub, hub.subscribe("u1") as feed:
        store.kill()
        await trio.to_thread.run_sync(store.start)
        with pytest.raises(EventsInterrupted):
            await feed.receive()
        assert publish("u1", "after") == 1
        assert await feed.receive() == b"after"


async def test_partition_is_noticed_without_traffic(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """Where nothing is published, silence proves nothing: only an unanswered ping does."""
    async with (
        open_proxy(store) as proxy,
        opened(proxy.url, ping_s=0.05, reply_s=0.1) as hub,
        hub.subscribe("u1") as feed,
    ):
        proxy.blackhole = True
        publish("u1", "swallowed")
        accepted = proxy.accepted
        await eventually(lambda: proxy.accepted > accepted)
        proxy.blackhole = False
        with pytest.raises(EventsInterrupted):
            await feed.receive()
        # A machine that stands still for a moment owes an answer, too, and is given up once more.
        while True:
            publish("u1", "heard")
            try:
                assert await feed.receive() == b"heard"
            except EventsInterrupted:
                continue
            break


async def test_idle_subscription_lives_on(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """A healthy connection on which nothing happens is not replaced."""
    async with opened(store.url, ping_s=0.01) as hub, hub.subscribe("u1") as feed:
        await trio.sleep(0.2)
        publish("u1", "a")
        assert await feed.receive() == b"a"


async def test_slow_reader_is_interrupted_and_others_are_not(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """Beyond what may wait, a feed drops all and says so; a quick reader beside gets everything."""
    async with (
        opened(store.url) as hub,
        hub.subscribe("u1") as slow,
        hub.subscribe("u1") as quick,
    ):
        for number in range(1000):
            publish("u1", number)
            assert await quick.receive() == b"%d" % number
        with pytest.raises(EventsInterrupted):
            await slow.receive()
        assert await is_quiet(slow)

        publish("u1", "on")
        assert await slow.receive() == b"on"


async def test_two_thousand_channels_come_back(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """After a cut every one of many subscriptions is live again, and each feed knows of the gap."""
    async with open_proxy(store) as proxy, opened(proxy.url) as hub, AsyncExitStack() as stack:
        feeds = {}
        for number in range(2000):
            name = f"u{number}"
            feeds[name] = await stack.enter_async_context(hub.subscribe(name))
        proxy.cut()

        for name, feed in feeds.items():
            with pytest.raises(EventsInterrupted):
                await feed.receive()
            assert publish(name, name) == 1
        for name, feed in feeds.items():
            assert await feed.receive() == name.encode()


class Notebook:
    """A listener that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def confirm(self) -> None:
        """Note that from here on it is whole."""
        self.told.append(b"whole")

    def put(self, raw: bytes) -> None:
        """Note an event."""
        self.told.append(raw)


async def test_listener_outlives_the_store(
    store: StoreProcess, publish: Callable[[str, object], int]
) -> None:
    """Attached while there is no store, it is told from when on its events are whole, each time."""
    store.kill()
    with trio.fail_after(PATIENCE_S):
        await watch_a_listener(store, publish)


async def watch_a_listener(store: StoreProcess, publish: Callable[[str, object], int]) -> None:
    """Attach listeners before, between and after the times at which the store is there."""
    async with open_event_hub(config_of(store.url), name="hub") as hub:
        early, late = Notebook(), Notebook()
        channel = hub.channel_of("u1")
        hub.attach(channel, early)
        for count in (1, 2):
            store.start()
            await eventually(lambda count=count: early.told.count(b"whole") == count)
            publish("u1", count)
            await eventually(lambda count=count: early.told[-1] == b"%d" % count)
            store.kill()
        assert early.told == [b"whole", b"1", b"whole", b"2"]

        await eventually(lambda: not hub.redis.connected)
        hub.attach(channel, late)
        assert late.told == []
        store.start()
        await eventually(lambda: late.told == [b"whole"])
        hub.attach(channel, third := Notebook())
        assert third.told == [b"whole"]
        for listener in (early, late, third):
            hub.detach(channel, listener)
        assert hub._channels == {}
        await eventually(lambda: publish("u1", "x") == 0)


async def test_no_event_is_missed_through_cuts(any_store: StoreProcess) -> None:
    """Reading on and replaying after each interruption gives every event once, in order."""
    rng = random.Random(11)
    config = config_of(any_store.url)
    seen: list[bytes] = []

    async def follow(hub: EventHub, reader: object) -> None:
        async with hub.subscribe("u1") as feed:
            while True:
                try:
                    raw = await feed.receive()
                    seen.extend([raw] if event_id(raw) > newest() else [])
                except EventsInterrupted:
                    replay = await reader.replay("u1", newest())
                    assert replay.recovered
                    seen.extend(replay.events)

    def event_id(raw: bytes) -> int:
        return int(raw.split(b'"id":')[1].split(b",")[0])

    def newest() -> int:
        return event_id(seen[-1]) if seen else 0

    async def vandalise(proxy: Proxy) -> None:
        while True:
            await trio.sleep(rng.random() * 0.05)
            proxy.cut()

    with trio.fail_after(PATIENCE_S):
        async with (
            open_proxy(any_store) as proxy,
            open_broker(config, name="test") as broker,
            open_event_hub(config_of(proxy.url), name="hub") as hub,
            trio.open_nursery() as nursery,
        ):
            await eventually(lambda: hub.redis.connected)
            nursery.start_soon(follow, hub, broker)
            await eventually(
                lambda: bool(hub._channels) and next(iter(hub._channels.values())).confirmed
            )
            nursery.start_soon(vandalise, proxy)
            for _ in range(150):
                await broker.submit(REQUEST)
                await trio.sleep(0.002)
            history = (await broker.replay("u1", None)).events
            await eventually(lambda: len(seen) >= len(history))
            nursery.cancel_scope.cancel()

    assert seen == history
    assert len(history) == 150
