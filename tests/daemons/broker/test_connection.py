"""One connection shared by many tasks: order, cancelling, cuts, silence. On real servers."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from redis.exceptions import ResponseError

from daemons.broker.connection import Connection, pack
from daemons.broker.endpoint import Endpoint
from daemons.broker.errors import StoreUnavailable
from daemons.broker.greeting import connect, greet
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import PATIENCE_S, Proxy, eventually, open_proxy

#: More than the kernel's socket buffers hold.
BIG = b"x" * 8_000_000


@asynccontextmanager
async def connected(
    url: str,
    *,
    reply_s: float = PATIENCE_S,
    on_push: Callable[[list[Any]], None] = print,
    greeted: bool = True,
) -> AsyncIterator[Connection]:
    """Connect to *url* and greet, unless *reply_s* is too short to be sure of an answer."""
    endpoint = Endpoint(url)
    with trio.fail_after(PATIENCE_S):
        connection = await connect(endpoint, connect_s=PATIENCE_S, reply_s=reply_s, on_push=on_push)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.run)
            if greeted:
                await greet(connection, endpoint, "test")
            yield connection
            nursery.cancel_scope.cancel()


async def echo_with_cancels(connection: Connection, task: int, rounds: int) -> int:
    """Echo numbered words, giving some up at random; return how many came back, all checked."""
    rng = random.Random(task)
    came = 0
    for number in range(rounds):
        word = f"{task}:{number}".encode() * rng.choice((1, 1, 1, 500))
        with trio.move_on_after(rng.choice((0, 0.0005, 0.002, PATIENCE_S, PATIENCE_S))):
            if number % 3:
                assert await connection.command("ECHO", word) == word
            else:
                pair = pack(("ECHO", word)) + pack(("ECHO", b"2" + word))
                assert await connection.call(pair, 2) == [word, b"2" + word]
            came += 1
    return came


@pytest.mark.parametrize("delay_s", [0.0, 0.001])
async def test_replies_reach_their_callers_whoever_cancels(
    any_store: StoreProcess, delay_s: float
) -> None:
    """Each of many tasks gets the reply to its own command, wherever others give up."""
    came = []

    async def work(task: int) -> None:
        came.append(await echo_with_cancels(connection, task, 60))

    async with open_proxy(any_store) as proxy, connected(proxy.url) as connection:
        proxy.delay_s = delay_s
        async with trio.open_nursery() as nursery:
            for task in range(40):
                nursery.start_soon(work, task)
        assert await connection.command("ECHO", "after") == b"after"

    assert proxy.accepted == 1
    assert 0 < sum(came) < 40 * 60


async def test_commands_of_many_tasks_travel_together(proxy: Proxy) -> None:
    """A hundred tasks on one slow connection wait about one round trip, not a hundred."""
    async with connected(proxy.url) as connection:
        proxy.blackhole = True
        replies = []

        async def ask(number: int) -> None:
            replies.append((number, await connection.command("ECHO", number)))

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(ask, number)
            await trio.testing.wait_all_tasks_blocked(0.01)
            # All are on their way, and none waits for another's reply.
            assert len(connection._line) == 100
            nursery.cancel_scope.cancel()


async def test_commands_run_in_the_order_in_which_they_were_sent(store: StoreProcess) -> None:
    """The server executes what tasks send in the order in which they got to send it."""
    sent: list[int] = []
    counted: dict[int, int] = {}

    async def count(task: int) -> None:
        sent.append(task)
        counted[task] = await connection.command("INCR", "n")

    async with connected(store.url) as connection, trio.open_nursery() as nursery:
        for task in range(200):
            nursery.start_soon(count, task)

    assert [counted[task] for task in sent] == list(range(1, 201))


async def test_command_larger_than_the_kernels_buffers(any_store: StoreProcess) -> None:
    """A command that the kernel takes in parts arrives whole, and those behind it after it."""
    async with connected(any_store.url) as connection:
        replies = {}

        async def ask(name: str, word: bytes) -> None:
            replies[name] = await connection.command("ECHO", word)

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(ask, f"big{number}", BIG + b"%d" % number)
                nursery.start_soon(ask, f"small{number}", b"%d" % number)

    assert replies == {
        **{f"big{number}": BIG + b"%d" % number for number in range(3)},
        **{f"small{number}": b"%d" % number for number in range(3)},
    }


async def test_cancelled_large_command_is_still_sent_whole(store: StoreProcess) -> None:
    """Cancelling a caller whose command is half out tears nothing: it is executed."""
    async with connected(store.url) as connection:
        with trio.CancelScope() as scope:
            scope.cancel()
            await connection.command("SET", "big", BIG)
        assert scope.cancelled_caught

        assert await connection.command("STRLEN", "big") == len(BIG)


async def test_server_errors_fail_their_own_command_alone(any_store: StoreProcess) -> None:
    """One wrong command raises at its caller; in a batch it stands in its own place."""
    async with connected(any_store.url) as connection:
        with pytest.raises(ResponseError, match="unknown command"):
            await connection.command("NONSENSE")

        first, second, third = await connection.call(
            pack(("ECHO", 1)) + pack(("NONSENSE",)) + pack(("ECHO", 3)), 3
        )

    assert (first, third) == (b"1", b"3")
    assert isinstance(second, ResponseError)


async def test_resp3_replies_keep_their_types(any_store: StoreProcess) -> None:
    """Maps, doubles, booleans and nulls come as such, not as RESP2's flat lists of strings."""
    async with connected(any_store.url) as connection:
        await connection.command("HSET", "h", "a", 1)
        await connection.command("ZADD", "z", 1.5, "m")

        assert await connection.command("HGETALL", "h") == {b"a": b"1"}
        assert await connection.command("ZSCORE", "z", "m") == 1.5
        assert await connection.command("GET", "none") is None
        assert await connection.command("EVAL", "redis.setresp(3) return true", 0) is True


async def fail_of(connection: Connection, *args: str) -> str:
    """Return with what `StoreUnavailable` says a command failed."""
    with pytest.raises(StoreUnavailable) as caught:
        await connection.command(*args)
    return str(caught.value)


async def test_silent_server_ends_the_connection(proxy: Proxy) -> None:
    """A reply later than `reply_s` fails all that wait, and the connection with them."""
    proxy.blackhole = True
    async with connected(proxy.url, reply_s=0.1, greeted=False) as connection:
        reasons = []

        async def ask() -> None:
            reasons.append(await fail_of(connection, "PING"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)

        assert reasons == ["the store gave no reply within 0.1 s"] * 2
        assert await fail_of(connection, "PING") == reasons[0]


async def test_silent_server_is_noticed_when_all_callers_gave_up(proxy: Proxy) -> None:
    """Callers with less patience than `reply_s` do not keep a dead connection alive."""
    proxy.blackhole = True
    async with connected(proxy.url, reply_s=0.1, greeted=False) as connection:
        with trio.move_on_after(0.01):
            await connection.command("PING")

        await connection.wait_failed()


@asynccontextmanager
async def answered_after(delay_s: float, *, reply_s: float) -> AsyncIterator[Connection]:
    """Give a connection in memory on which each command is answered *delay_s* later, by the clock.

    Its limits are held against the clock of the test alone, which no busy machine makes run on.
    """
    ours, theirs = trio.testing.memory_stream_pair()

    async def answer() -> None:
        while await theirs.receive_some():
            await trio.sleep(delay_s)
            await theirs.send_all(b"+PONG\r\n")

    connection = Connection(ours, reply_s=reply_s, on_push=print)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        nursery.start_soon(answer)
        yield connection
        nursery.cancel_scope.cancel()


async def test_slow_replies_within_the_limit_are_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The limit is for each reply: a slow server that answers keeps its connection."""
    async with answered_after(1.9, reply_s=2.0) as connection:
        for _ in range(5):
            assert await connection.command("PING") == b"PONG"
    async with answered_after(2.1, reply_s=2.0) as connection:
        assert await fail_of(connection, "PING") == "the store gave no reply within 2 s"


async def test_idle_connection_lives_on(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing being asked is no reason to end: only an answer that is owed can be late."""
    async with answered_after(0.1, reply_s=1.0) as connection:
        await trio.sleep(3600)
        assert await connection.command("PING") == b"PONG"


async def test_cut_connection_fails_whoever_waits(proxy: Proxy) -> None:
    """A reset reaches every caller in line at once."""
    async with connected(proxy.url) as connection:
        proxy.delay_s = PATIENCE_S
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(fail_of, connection, "PING")
            await trio.testing.wait_all_tasks_blocked(0.01)
            proxy.cut()


async def test_command_that_did_not_go_out_ends_the_connection(
    any_store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the reply to the next command would go to the caller of this one."""

    def fail(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    async with connected(any_store.url) as connection:
        monkeypatch.setattr("daemons.broker.connection.os.write", fail)
        with pytest.raises(StoreUnavailable, match="No buffer"):
            await connection.command("ECHO", "one")
        assert connection.failure is not None


async def test_half_closed_connection_is_dead(proxy: Proxy) -> None:
    """A server that says it will send no more cannot answer: callers are not left waiting."""
    async with connected(proxy.url) as connection:
        await proxy.half_close()
        await connection.wait_failed()

        assert await fail_of(connection, "PING") == "the store closed the connection"


async def test_cut_within_a_reply_gives_no_half_reply(store: StoreProcess) -> None:
    """Wherever in the bytes of the replies the cut falls: whole replies or `StoreUnavailable`."""
    words = [b"first", b"", b"\r\n+fake\r\n", b"x" * 100]
    packed = b"".join(pack(("ECHO", word)) for word in words)
    length = sum(len(b"$%d\r\n%s\r\n" % (len(word), word)) for word in words)
    async with open_proxy(store) as proxy:
        for cut in range(1, length + 1):
            async with connected(proxy.url) as connection:
                proxy.reply_bytes = cut
                if cut == length:
                    assert await connection.call(packed, len(words)) == words
                else:
                    with pytest.raises(StoreUnavailable, match=r"closed the connection|broke"):
                        await connection.call(packed, len(words))
                await connection.wait_failed()


async def serve_bytes(stream: trio.SocketStream) -> None:
    """Answer whatever comes with something that is no RESP."""
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_other_protocols_are_told_by_name() -> None:
    """A port on which something else listens says so, instead of hanging."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve_bytes, listeners)
        port = listeners[0].socket.getsockname()[1]
        with pytest.RaisesGroup(
            pytest.RaisesExc(StoreUnavailable, match="does not speak RESP"),
            flatten_subgroups=True,
        ):
            async with connected(f"redis://127.0.0.1:{port}"):
                pass
        nursery.cancel_scope.cancel()


async def test_pushes_go_their_own_way(any_store: StoreProcess) -> None:
    """Push messages do not take a place in the line of replies."""
    pushes: list[list[Any]] = []
    async with connected(any_store.url, on_push=pushes.append) as connection:
        connection.post("SUBSCRIBE", "c")
        for number in range(50):
            assert await connection.command("PUBLISH", "c", number) == 1
            assert await connection.command("ECHO", number) == b"%d" % number
        await eventually(lambda: len(pushes) == 51)

    assert pushes[0][:2] == [b"subscribe", b"c"]
    assert [push[2] for push in pushes[1:]] == [b"%d" % number for number in range(50)]


async def test_read_only_server_ends_the_connection(
    any_store: StoreProcess, store: StoreProcess
) -> None:
    """A primary that became a replica is left, so that the next look-up finds the new one."""
    async with open_proxy(store) as primary, connected(any_store.url) as connection:
        await connection.command("REPLICAOF", "127.0.0.1", primary.port)

        assert "READONLY" in await fail_of(connection, "SET", "a", "1")
        await connection.wait_failed()


async def test_replica_is_not_greeted(any_store: StoreProcess, store: StoreProcess) -> None:
    """A server that is a replica already is told apart when it is greeted."""
    async with open_proxy(store) as primary, connected(any_store.url) as connection:
        await connection.command("REPLICAOF", "127.0.0.1", primary.port)
        with pytest.RaisesGroup(
            pytest.RaisesExc(StoreUnavailable, match="a replica, which cannot be written to"),
            flatten_subgroups=True,
        ):
            async with connected(any_store.url):
                pass
