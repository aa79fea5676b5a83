"""Foreign entries: each leaves the list with the script that submits it, and with no other."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import trio

from daemons.broker import (
    ForeignListClosed,
    QueueFull,
    StoreUnavailable,
    TooManyOpen,
    open_broker,
    open_foreign_list,
)
from protocol import keys
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import PATIENCE_S, REQUEST, Desk, config_of, open_proxy
from tests.daemons.broker.test_submissions import limited


async def push(desk: Desk, *entries: bytes) -> None:
    """Push entries as a foreign producer does."""
    await desk.broker.redis.call(("LPUSH", keys.ADOPTION_LIST, *entries))


async def waiting(desk: Desk) -> list[bytes]:
    """Return what is in the foreign list, the oldest first."""
    entries: list[bytes] = await desk.broker.redis.call(("LRANGE", keys.ADOPTION_LIST, 0, -1))
    return entries[::-1]


async def test_entry_is_submitted_as_it_leaves_the_list(desk: Desk) -> None:
    """The oldest first; an equal entry behind it is another; whoever comes late does nothing."""
    await push(desk, b"a", b"a", b"b")
    assert [await desk.broker.adopt(b"a", REQUEST) for _ in range(3)] == [True, True, False]
    assert await waiting(desk) == [b"b"]
    assert await desk.kinds(REQUEST.user_id) == ["queued", "queued"]
    assert (await desk.broker.queue_status()).depth == 2


async def test_entry_that_is_refused_stays(desk: Desk) -> None:
    """At a cap nothing is submitted and nothing taken out."""
    await push(desk, b"a")
    await desk.submit(REQUEST.user_id)
    for limits, refusal in (({"open_per_user": 1}, TooManyOpen), ({"queue_depth": 1}, QueueFull)):
        limited(desk.broker, **limits)
        with pytest.raises(refusal):
            await desk.broker.adopt(b"a", REQUEST)
    assert await waiting(desk) == [b"a"]


async def test_rejected_entry_is_in_one_list_or_the_other(desk: Desk) -> None:
    """It is moved with its reason; where the other key is no list, it stays, and that is told."""
    await push(desk, b"", b"bad", b"good")
    await desk.claims.reject_foreign(b"bad", "not the oldest")
    await desk.broker.redis.call(("SET", keys.REJECTED_LIST, "mine"))
    with pytest.raises(ForeignListClosed, match="rename or delete"):
        await desk.claims.reject_foreign(b"", "no JSON")
    assert await waiting(desk) == [b"", b"bad", b"good"]
    await desk.broker.redis.call(("DEL", keys.REJECTED_LIST))
    for entry in (b"", b"bad"):
        await desk.claims.reject_foreign(entry, "no JSON")
    assert await waiting(desk) == [b"good"]
    assert await desk.broker.redis.call(("LLEN", keys.REJECTED_LIST)) == 2


async def test_only_the_newest_rejected_entries_are_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer that is wrong for ever does not fill the store."""
    monkeypatch.setattr("daemons.broker.claims._REJECTED_KEPT", 3)
    for number in range(5):
        await push(desk, b"bad%d" % number)
        await desk.claims.reject_foreign(b"bad%d" % number, "no JSON")
    kept = await desk.broker.redis.call(("LRANGE", keys.REJECTED_LIST, 0, -1))
    assert [b"bad%d" % number in line for number, line in zip((4, 3, 2), kept, strict=True)] == [
        True
    ] * 3


async def test_wait_for_an_entry_ends_when_one_comes_and_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any number of workers wait for the same entry; cancelled or answered, none takes it out."""
    seen: list[bytes | None] = []
    monkeypatch.setattr("daemons.broker.adoption._MARGIN_S", 2 * PATIENCE_S)
    async with (
        open_foreign_list(desk.broker, name="one") as one,
        open_foreign_list(desk.broker, name="two") as two,
    ):
        with trio.move_on_after(0.1):
            await one.oldest()
        assert await two.oldest() is None
        monkeypatch.setattr("daemons.broker.adoption._BLOCK_S", PATIENCE_S)

        async def wait() -> None:
            seen.append(await two.oldest())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            while b"blocked_clients:1\r" not in await desk.broker.redis.call(("INFO", "clients")):
                pass
            await push(desk, b"a")
        assert seen == [b"a"]
        assert await one.oldest() == b"a"
        await desk.broker.redis.call(("LPUSH", keys.ADOPTION_LIST, "b"))
        assert await one.oldest() == b"a"
    assert await waiting(desk) == [b"a", b"b"]


@pytest.mark.parametrize("server", ["valkey", "redis"])
async def test_cut_replies_lose_no_entry_and_double_none(
    server: str, start_store: Callable[..., StoreProcess]
) -> None:
    """A worker adopts over connections that are cut within replies, and tries again: each once."""
    store, rng, count, lost = start_store(server=server), random.Random(5), 60, 0
    async with (
        open_proxy(store) as proxy,
        open_broker(config_of(store.url), name="calm") as calm,
        open_broker(config_of(proxy.url), name="test") as broker,
    ):
        await calm.redis.call(("LPUSH", keys.ADOPTION_LIST, *(b"same" for _ in range(count))))
        with trio.fail_after(PATIENCE_S):
            while await calm.redis.call(("EXISTS", keys.ADOPTION_LIST)):
                proxy.reply_bytes = rng.choice([None, 1, 2, 3])
                try:
                    assert await broker.adopt(b"same", REQUEST)
                except StoreUnavailable:
                    lost += 1
        assert (await calm.queue_status()).depth == count
    assert lost > 10
