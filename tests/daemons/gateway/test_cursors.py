"""Clients that say nothing but a user id get, when they come back, just what they had not read."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from daemons.broker import Cursors, Proof, StoreUnavailable, open_broker
from daemons.gateway.cursors import ClientCursors, client_name
from protocol import keys
from protocol.frames import Hello

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
CURSORS = "cur:{0}:u1"


async def positions(running: Any) -> list[int]:
    """Return the positions that the store keeps of the user's sockets; none while it is away."""
    try:
        kept = await running.broker.redis.call(("HVALS", CURSORS))
    except StoreUnavailable:
        return []
    return sorted(int(value.partition(b"|")[0]) for value in kept)


async def last_proof_ms(running: Any) -> int:
    """Return when a position was last proved, by the store's clock; 0 if none is kept."""
    kept = await running.broker.redis.call(("HVALS", CURSORS))
    return max((int(value.partition(b"|")[2]) for value in kept), default=0)


async def until_positions(running: Any, right: Callable[[list[int]], bool]) -> None:
    """Wait until the positions that are kept are *right*."""
    with trio.fail_after(120):
        while not right(await positions(running)):  # noqa: ASYNC110 - it is the store that changes
            await trio.sleep(0.01)


async def proved(running: Any) -> None:
    """Wait until the one socket is known to have read everything."""
    head = (await running.history())[-1]["id"]
    await until_positions(running, lambda kept: kept == [head])


async def test_plain_client_gets_what_it_had_not_received(open_gateway: Any) -> None:
    """It sends its id alone, goes and comes back: what happened meanwhile comes, and only once."""
    async with open_gateway() as running:
        async with running.ready_peer() as peer:
            await running.submit_many(3)
            await peer.receive_events(3)
            await proved(running)
        for _ in range(3):
            await running.submit_many(2)
            async with running.ready_peer() as peer:
                assert (await running.history())[-2:] == await peer.receive_events(2)
                assert await peer.is_silent()
                await proved(running)


async def test_plain_client_of_a_killed_gateway_misses_nothing(open_gateway: Any) -> None:
    """Also when the gateway had no time to say or write anything."""
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit()
        await peer.receive()
        await proved(running)
        running.scope.cancel()
        assert await peer.close_code() is None
    async with open_gateway() as running:
        await running.submit_many(3)
        async with running.ready_peer() as peer:
            assert (await running.history())[1:] == await peer.receive_events(3)
            assert await peer.is_silent()


async def test_plain_client_that_came_before_any_event_misses_none(open_gateway: Any) -> None:
    """Where it stood is known from `ready` on, not only from its first event on."""
    async with open_gateway() as running:
        async with running.ready_peer():
            pass
        await running.submit_many(2)
        async with running.ready_peer() as peer:
            assert await running.history() == await peer.receive_events(2)


async def test_events_without_a_pong_come_again(open_gateway: Any) -> None:
    """What was sent is not what was read: only a pong tells."""
    async with open_gateway() as running:
        for _ in range(2):
            async with running.raw_peer() as peer:
                await peer.send_frame(TEXT, b"u1")
                assert (await peer.receive_message())["type"] == "ready"
                if not await running.history():
                    await running.submit_many(3)
                received = [await peer.receive_message() for _ in range(3)]
                assert await running.history() == received


@pytest.mark.parametrize("answer", [1001, 1000], ids=["same-code", "own-code"])
async def test_stopping_gateway_asks_how_far_he_has_read(
    open_gateway: Any, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    """Over an orderly restart a plain client gets nothing twice, even right after an event.

    His position is in the store before he hears 1001: he may be back before this process has ended.
    What code he answers with does not matter; PyPI's `websocket-client` says 1000.
    """
    monkeypatch.setattr("daemons.gateway.connection._PROOF_DELAY_S", 60)
    async with open_gateway(close_s=40) as running, running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_message()
        await running.submit()
        event = await peer.receive_message()
        running.stopping.set()
        frame = await peer.receive_frame()
        assert frame == (PING, str(event["id"]).encode())
        await peer.send_frame(PONG, frame[1])
        assert await peer.receive_close() == 1001
        assert await positions(running) == [event["id"]]
        await peer.send_frame(CLOSE, answer.to_bytes(2, "big"))
        await running.stopped.wait()


async def test_stopping_gateway_waits_for_the_pong_under_way(open_gateway: Any) -> None:
    """A ping that is out already, of an older event, is followed by one of the newest."""
    async with open_gateway(close_s=40) as running, running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_message()
        await running.submit()
        assert (await peer.receive_frame())[0] == TEXT
        older = await peer.receive_frame()
        assert older[0] == PING
        await running.submit()
        newest = await peer.receive_message()
        running.stopping.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        await peer.send_frame(PONG, older[1])
        assert await peer.receive_frame() == (PING, str(newest["id"]).encode())
        await peer.send_frame(PONG, str(newest["id"]).encode())

        assert await peer.receive_close() == 1001
        assert await positions(running) == [newest["id"]]


async def test_stopping_gateway_asks_about_what_is_on_its_way(
    open_gateway: Any, eventually: Any
) -> None:
    """An event of which part is out already when the gateway stops is not told again either."""
    event = json.dumps({"id": 1, "prev": 0, "pad": "x" * (1 << 19)})
    async with (
        open_gateway(close_s=40) as running,
        running.raw_peer(receive_buffer_bytes=4096) as peer,
    ):
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_message()
        await running.broker.redis.call(("XADD", keys.events(0, "u1"), "1-0", "e", event))
        await running.broker.redis.call(("HSET", keys.event_head(0, "u1"), "last", 1))
        (client,) = running.gateway._clients
        client.fall_behind()
        await eventually(lambda: client._ws._stream._torn)
        running.stopping.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert (await peer.receive_message())["id"] == 1
        assert await peer.receive_frame() == (PING, b"1")
        await peer.send_frame(PONG, b"1")

        assert await peer.receive_close() == 1001
        assert await positions(running) == [1]


async def test_ping_that_crosses_our_close_frame_spoils_nothing(open_gateway: Any) -> None:
    """A client may ping before it has read that we part; its answer then counts as any other."""
    async with open_gateway(close_s=40) as running, running.raw_peer() as peer:
        await peer.send_frame(TEXT, b"u1")
        await peer.receive_message()
        (client,) = running.gateway._clients
        running.stopping.set()
        assert await peer.receive_close() == 1001
        await peer.send_frame(PING, b"")
        await peer.send_frame(CLOSE, (1001).to_bytes(2, "big"))
        await running.stopped.wait()
        # Had its reader died of the ping, nobody would have read the answer.
        assert client._ws._close_handshake.is_set()
        assert await peer.receive_frame() is None


async def test_clients_with_names_have_positions_of_their_own(open_gateway: Any) -> None:
    """A `client` is known again by that; a new one begins with what happens now."""
    async with open_gateway() as running:
        hellos = [json.dumps({"user_id": "u1", "client": name}) for name in ("tab-1", "tab-2")]
        async with running.peer(hellos[0]) as peer:
            await peer.receive()
        await running.submit()
        async with running.peer(hellos[1]) as peer:
            await peer.receive()
            assert await peer.is_silent()
        async with running.peer(hellos[0], user_agent_header="another/1.0") as peer:
            assert (await peer.receive())["recovered"]
            assert await running.history() == await peer.receive_events(1)


async def test_clients_that_look_alike_all_get_theirs(open_gateway: Any) -> None:
    """Two sockets of one name that were cut off at different places: neither misses anything."""
    async with open_gateway() as running:
        async with running.ready_peer() as quick, running.raw_peer() as slow:
            await slow.send_frame(TEXT, b"u1")
            await slow.receive_message()
            await running.submit_many(3)
            await quick.receive_events(3)
            head = (await running.history())[-1]["id"]
            await until_positions(running, lambda kept: head in kept)
        await running.submit()
        for _ in range(2):
            async with running.raw_peer() as peer:
                await peer.send_frame(TEXT, b"u1")
                await peer.receive_message()
                assert await running.history() == [await peer.receive_message() for _ in range(4)]


async def test_client_keeps_its_place_when_one_like_it_comes(open_gateway: Any) -> None:
    """A second tab is taken for the first one come back; the first shows at once that it is here."""
    async with open_gateway() as running, running.raw_peer() as first:
        await first.send_frame(TEXT, b"u1")
        await first.receive_message()
        async with running.ready_peer(user_agent_header=None) as second:
            while (frame := await first.receive_frame()) is not None and frame[0] != 0x89:
                pass
            assert frame is not None
            await first.send_frame(0x8A, frame[1])
            await until_positions(running, lambda kept: kept == [0, 0])
            await running.submit()
            await second.receive()
            await until_positions(running, lambda kept: len(kept) == 2 and kept[1] > 0)
            assert (await positions(running))[0] == 0


async def test_plain_client_is_known_from_another_address(open_gateway: Any) -> None:
    """One who has no position of his own takes the least that a nameless client of the user has."""
    async with open_gateway() as running:
        async with running.ready_peer(user_agent_header="phone/1.0"):
            pass
        await running.submit()
        async with running.ready_peer(user_agent_header="phone/1.1") as peer:
            assert await running.history() == await peer.receive_events(1)


async def test_positions_are_kept_for_a_bounded_time(open_gateway: Any) -> None:
    """Who was away for longer than `resume_s` begins anew, and who stays is not forgotten."""
    async with open_gateway(resume_s=1.5, ping_s=0.05) as running:
        async with running.ready_peer():
            seconds, microseconds = await running.broker.redis.call(("TIME",))
            until_ms = int(seconds) * 1000 + int(microseconds) // 1000 + 1500
            with trio.fail_after(120):
                while await last_proof_ms(running) < until_ms:  # noqa: ASYNC110 - as above
                    await trio.sleep(0.01)
        await until_positions(running, lambda kept: not kept)
        await running.submit()
        async with running.ready_peer() as peer:
            assert await peer.is_silent()


async def test_plain_client_is_told_of_a_fork(open_gateway: Any) -> None:
    """When the store has lost what it had read, it gets what is kept."""
    async with open_gateway() as running:
        async with running.ready_peer() as peer:
            await running.submit()
            await peer.receive()
            await proved(running)
        await running.broker.redis.call(("DEL", keys.events(0, "u1"), keys.event_head(0, "u1")))
        async with running.peer("u1") as peer:
            ready = await peer.receive()
            assert (ready["recovered"], ready["reason"]) == (False, "fork")


async def test_proofs_outlive_a_store_that_is_away(open_gateway: Any, store: Any) -> None:
    """What was proved while it could not be written is written later."""
    async with open_gateway() as running, running.ready_peer() as peer:
        await running.submit()
        (event,) = await running.history()
        store.kill()
        await peer.receive()
        await peer.is_silent()
        store.start()
        await until_positions(running, lambda kept: kept == [event["id"]])


async def test_cursors_keep_what_a_cancelled_write_did_not_write(store: Any) -> None:
    """A write that is cancelled or fails loses no proof, and an older one hides no newer."""
    async with open_broker(store.config(), name="test") as broker:
        cursors = ClientCursors(broker, 60)
        await broker.ping()
        store.kill()
        for position in (1, 2):
            cursors.put(Proof("u1", "-x/1", position))
            with trio.move_on_after(0) if position == 1 else pytest.raises(StoreUnavailable):
                await cursors.write()
        store.start()
        with trio.fail_after(120):
            while cursors._unwritten:
                await cursors.write_last()
        (value,) = await broker.redis.call(("HVALS", CURSORS))
        assert value.startswith(b"2|")


async def test_last_write_waits_for_the_one_under_way(store: Any) -> None:
    """A gateway that stops in the middle of a write does not end before it has arrived."""
    async with (
        open_broker(store.config(), name="test") as broker,
        open_broker(store.config(), name="control") as control,
    ):
        cursors = ClientCursors(broker, 60)
        with trio.fail_after(120):
            await control.redis.call(("CLIENT", "PAUSE", 60_000, "WRITE"))
            async with trio.open_nursery() as nursery:
                cursors.put(Proof("u1", "-x/1", 1))
                nursery.start_soon(cursors.write)
                await trio.testing.wait_all_tasks_blocked()
                with trio.move_on_after(0.2) as last:
                    await cursors.write_last()
                await control.redis.call(("CLIENT", "UNPAUSE"))
                nursery.start_soon(cursors.write_last)
        (value,) = await broker.redis.call(("HVALS", CURSORS))
    assert last.cancelled_caught
    assert value.startswith(b"1|")


@pytest.mark.parametrize("seed", range(4))
async def test_no_client_ever_starts_past_where_it_was(store: Any, seed: int) -> None:
    """However clients that look alike come, read, go and come back, none is given a gap."""
    chance = random.Random(seed)
    async with open_broker(store.config(), name="test") as broker:
        cursors = Cursors(broker, 60)
        read: dict[int, int] = {}
        sockets: dict[int, str] = {}
        for step in range(150):
            number = chance.randrange(4)
            if number not in sockets:
                sockets[number] = f"-x/{step}"
                began = await cursors.resume("u1", "-x", sockets[number], borrow=True)
                assert began <= read.get(number, began), f"client {number} at step {step}"
                read[number] = max(began, read.get(number, 0))
                # As the gateway sees to it, in `Client.prove_again`.
                await cursors.prove([Proof("u1", at, read[who]) for who, at in sockets.items()])
            elif chance.random() < 0.5:
                read[number] += chance.randrange(5)
                await cursors.prove([Proof("u1", sockets[number], read[number])])
            # New ones come before old ones go, else nobody could tell them apart.
            elif len(read) == 4:
                del sockets[number]


async def test_store_keeps_few_positions_of_one_user(store: Any) -> None:
    """Names are free, so there are only so many: the longest unproved goes first."""
    async with open_broker(store.config(), name="test") as broker:
        cursors = Cursors(broker, 60)
        for number in range(100):
            await cursors.resume("u1", f"+{number}", f"+{number}/x", borrow=False)
        fields = await broker.redis.call(("HKEYS", CURSORS))
        assert len(fields) == 64
        assert b"+99/x" in fields


@pytest.mark.parametrize("options", [(), ("--rename-command", "FUNCTION", "")], ids=["new", "old"])
async def test_full_memory_keeps_nobody_out(start_store: Any, options: tuple[str, ...]) -> None:
    """Without room for his position a client is served all the same, also by EVALSHA."""
    store = start_store(*options, server="redis")
    async with open_broker(store.config(), name="test") as broker:
        await broker.redis.call(("CONFIG", "SET", "maxmemory", "1"))
        assert await Cursors(broker, 60).resume("u1", "-x", "-x/1", borrow=True) == 0


def test_nameless_client_is_known_by_address_and_program() -> None:
    """Neither of which can be read out of what is kept."""
    hello = Hello(user_id="u1")
    name = client_name(hello, "127.0.0.1", "curl/8")

    assert name == client_name(hello, "127.0.0.1", "curl/8")
    assert name not in (client_name(hello, "127.0.0.2", "curl/8"), client_name(hello, "::1", ""))
    assert "127" not in name
    assert client_name(Hello(user_id="u1", client="-x"), "a", "b") == "+-x"
