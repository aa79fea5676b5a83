"""A client whose connection comes and goes: what callers see, and that nothing is sent twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest
import trio
import trio.testing
from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from daemons.broker import StoreUnavailable, open_broker
from daemons.broker.client import Redis, open_redis, pause_s
from daemons.config import ConfigError
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import (
    PATIENCE_S,
    REQUEST,
    Proxy,
    config_of,
    eventually,
    open_proxy,
)

#: Enough to read for half a minute with `--key-load-delay 200`; the server looks around after each
#: thousand keys.
FILL = "for i = 1, 100000 do redis.call('SET', i, i) end"


async def load_quickly(store: StoreProcess) -> None:
    """Let a *store* that reads its file slowly read the rest of it as fast as it can."""
    async with await trio.open_unix_socket(str(store.socket)) as stream:
        await stream.send_all(b"CONFIG SET key-load-delay 0\r\n")
        assert await stream.receive_some() == b"+OK\r\n"


async def wait_answered(client: Redis) -> None:
    """Ping until an answer comes in time: this machine, too, may stand still for a moment."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                await client.ping()
            except StoreUnavailable:
                continue
            return


async def test_commands_of_redis_py_in_its_own_shapes(any_store: StoreProcess) -> None:
    """All of redis-py's commands are there, with its arguments and its replies."""
    async with open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client:
        assert await client.set("k", "v", ex=60) is True
        assert await client.get("k") == b"v"
        assert await client.zadd("z", {"a": 1, "b": 2}) == 2
        assert await client.zrange("z", 0, -1, withscores=True) == [[b"a", 1.0], [b"b", 2.0]]
        assert await client.config_get("appendonly") == {"appendonly": "yes"}
        assert {"name": "test"}.items() <= (await client.client_info()).items()


async def test_client_opens_without_a_store(store: StoreProcess) -> None:
    """Opening never waits; a command says within `wait_s` that nobody is there."""
    store.kill()
    async with open_redis(store.url, name="test", wait_s=0.05) as client:
        with pytest.raises(StoreUnavailable, match=rf"{store.socket}: .*refused|No such file"):
            await client.call(("PING",))
        store.start()
        await eventually(lambda: client.connected)

        assert await client.ping() is True


async def test_command_waits_for_a_store_that_comes_back(any_store: StoreProcess) -> None:
    """A restart shorter than `wait_s` is not noticed by callers that come during it."""
    async with open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client:
        await client.set("k", "v")
        any_store.kill()
        await eventually(lambda: not client.connected)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, any_store.start)
            assert await client.get("k") == b"v"


async def test_killed_store_fails_what_is_under_way(any_store: StoreProcess) -> None:
    """A caller whose reply cannot come any more hears of it at once."""
    failed = []

    async def pop(client: Redis) -> None:
        with pytest.raises(StoreUnavailable, match=r"closed the connection|broke"):
            await client.call(("BLPOP", "none", 0))
        failed.append(1)

    with trio.fail_after(PATIENCE_S):
        async with (
            open_redis(any_store.url, name="test", reply_s=PATIENCE_S * 2) as client,
            trio.open_nursery() as nursery,
        ):
            await eventually(lambda: client.connected)
            nursery.start_soon(pop, client)
            await trio.testing.wait_all_tasks_blocked(0.01)
            any_store.kill()

    assert failed == [1]


async def test_blackholed_connection_is_replaced(store: StoreProcess) -> None:
    """A connection on which nothing comes back any more is given up for a new one."""
    async with (
        open_proxy(store) as proxy,
        open_redis(proxy.url, name="test", wait_s=PATIENCE_S, reply_s=0.1) as client,
    ):
        await eventually(lambda: client.connected)
        proxy.blackhole = True
        with pytest.raises(StoreUnavailable, match=r"no reply within 0\.1 s"):
            await client.call(("PING",))
        proxy.blackhole = False

        await wait_answered(client)
    assert proxy.accepted >= 2


async def test_server_that_accepts_and_hangs_up_is_tried_again(proxy: Proxy) -> None:
    """Being hung up on is no connection; once the server is well, the client is too."""
    proxy.refusing = True
    async with open_redis(proxy.url, name="test", wait_s=0) as client:
        await eventually(lambda: proxy.accepted >= 3)
        with pytest.raises(StoreUnavailable):
            await client.call(("PING",))
        proxy.refusing = False
        await eventually(lambda: client.connected)


async def test_first_try_is_waited_for(proxy: Proxy) -> None:
    """Who asks while the very first connection is made gets an answer, however slow that is."""
    proxy.delay_s = 0.3
    async with open_redis(proxy.url, name="test", wait_s=0.01) as client:
        assert await client.call(("PING",)) == b"PONG"


async def test_server_that_accepts_and_says_nothing_is_tried_again(proxy: Proxy) -> None:
    """A greeting without an answer ends by the time limit, and the next try is a new one."""
    proxy.blackhole = True
    async with open_redis(proxy.url, name="test", reply_s=0.05) as client:
        await eventually(lambda: proxy.accepted >= 2)
        proxy.blackhole = False
        await eventually(lambda: client.connected)


def test_pause_between_tries_grows_and_is_spread() -> None:
    """Clients of a store that was away do not come back all at the same moment."""
    for failures, limit_s in ((0, 0.05), (1, 0.1), (3, 0.4), (6, 2.0), (10_000, 2.0)):
        pauses = [pause_s(failures) for _ in range(300)]
        assert 0.02 <= min(pauses) < limit_s / 2 + 0.02
        assert limit_s * 0.75 < max(pauses) <= limit_s


async def count_up(client: Redis, results: list[bool]) -> None:
    """Count up again and again, and note which calls returned."""
    for _ in range(60):
        try:
            await client.incr("n")
            results.append(True)
        except StoreUnavailable:
            results.append(False)


async def test_no_command_is_sent_twice(any_store: StoreProcess) -> None:
    """Whatever is cut off, the client repeats nothing: only the caller knows if that is safe."""
    rng = random.Random(1)
    results: list[bool] = []
    async with open_proxy(any_store) as proxy:

        async def misbehave() -> None:
            while True:
                await eventually(lambda: proxy.reply_bytes is None)
                proxy.reply_bytes = rng.randrange(150, 300)

        async with open_redis(proxy.url, name="test", wait_s=PATIENCE_S) as client:
            await client.ping()
            async with trio.open_nursery() as vandals:
                vandals.start_soon(misbehave)
                async with trio.open_nursery() as nursery:
                    for _ in range(5):
                        nursery.start_soon(count_up, client, results)
                vandals.cancel_scope.cancel()
                proxy.reply_bytes = None
        async with open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client:
            counted = int(await client.get("n"))

    assert len(results) == 300
    assert sum(results) <= counted <= 300
    assert not all(results)
    assert proxy.accepted > 1


async def test_batch_raises_the_first_refusal(any_store: StoreProcess) -> None:
    """A batch of which one command is refused hands no error back as if it were a reply."""
    async with open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client:
        await client.set("text", "x")
        with pytest.raises(ResponseError, match="not an integer"):
            await client.pipeline_of(("INCR", "n"), ("INCR", "text"), ("INCR", "n"))
        assert await client.pipeline_of(("INCR", "n")) == [3]
        assert await client.pipeline_of(("GET", "n"), ("GET", "text")) == [b"3", b"x"]


async def test_states_of_the_store_are_no_faults_of_the_command(any_store: StoreProcess) -> None:
    """Full memory, missing replicas, a running script: unavailable, and well again afterwards."""
    async with open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client:

        async def refused(match: str, *command: str) -> None:
            with pytest.raises(StoreUnavailable, match=match):
                await client.call(command or ("SET", "k", "v"))

        await client.config_set("maxmemory", 1)
        await refused("OOM")
        await client.config_set("maxmemory", 0)
        await client.config_set("min-replicas-to-write", 1)
        await refused("NOREPLICAS")
        await client.config_set("min-replicas-to-write", 0)
        assert await client.set("k", "v") is True


async def test_full_disk_is_a_state_of_the_store(
    start_store: Callable[..., StoreProcess],
) -> None:
    """MISCONF, by which a server that cannot save refuses writes, is no fault of the command."""
    store = start_store("--save", "3600 1", "--dbfilename", "gone.rdb", server="redis")
    async with open_redis(store.url, name="test", wait_s=PATIENCE_S) as client:
        await client.set("k", "v")
        store.folder.joinpath("gone.rdb").mkdir()
        await client.call(("BGSAVE",))
        with trio.fail_after(PATIENCE_S):
            reason = ""
            while "MISCONF" not in reason:
                try:
                    await client.set("k", "v")
                except StoreUnavailable as exc:
                    reason = str(exc)


async def test_busy_script_is_a_state_of_the_store(any_store: StoreProcess) -> None:
    """BUSY, while a script runs too long, is no fault of the command either."""
    async with (
        open_redis(any_store.url, name="slow", wait_s=PATIENCE_S, reply_s=PATIENCE_S) as slow,
        open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client,
        trio.open_nursery() as nursery,
    ):
        await client.config_set("busy-reply-threshold", 1)

        async def loop() -> None:
            with pytest.raises(ResponseError, match="killed"):
                await slow.call(("EVAL", "while true do end", 0))

        nursery.start_soon(loop)
        with trio.fail_after(PATIENCE_S):
            reason = ""
            while "BUSY" not in reason:
                try:
                    await client.call(("GET", "k"))
                except StoreUnavailable as exc:
                    reason = str(exc)
        await client.call(("SCRIPT", "KILL"))


async def test_loading_store_counts_as_away(any_store: StoreProcess) -> None:
    """A server that answers, but reads its file still, is not there yet: it is waited for."""
    async with (
        open_redis(any_store.url, name="hasty", wait_s=0) as hasty,
        open_redis(any_store.url, name="patient", wait_s=PATIENCE_S, reply_s=PATIENCE_S) as patient,
    ):
        await patient.eval(FILL, 0)
        any_store.kill()
        await eventually(lambda: not patient.connected)
        slowly = partial(any_store.start, "--key-load-delay", "200")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, slowly)
            await eventually(lambda: "LOADING" in str(hasty._reason))
            with pytest.raises(StoreUnavailable, match="the store said: LOADING"):
                await hasty.get("1")
            await eventually(lambda: "LOADING" in str(patient._reason))
            nursery.start_soon(load_quickly, any_store)
            assert await patient.get("100000") == b"100000"


async def test_mistakes_of_ours_are_told_as_such(any_store: StoreProcess) -> None:
    """What will not pass by itself is redis-py's own error, not an unavailable store."""
    async with open_redis(any_store.url, name="test", wait_s=PATIENCE_S) as client:
        await client.lpush("list", 1)
        with pytest.raises(NoScriptError):
            await client.evalsha("0" * 40, 0)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await client.get("list")
        await client.call(("ACL", "SETUSER", "default", "-lpush"))
        with pytest.raises(NoPermissionError):
            await client.lpush("list", 1)


async def test_too_many_clients_are_told(store: StoreProcess) -> None:
    """A server that is full says so in the reason, and takes us when there is room again."""
    async with open_redis(store.url, name="first", wait_s=PATIENCE_S) as first:
        await first.config_set("maxclients", 1)
        async with open_redis(store.url, name="second", wait_s=0) as second:
            await eventually(lambda: "max number of clients" in str(second._reason))
            await first.config_set("maxclients", 100)
            await eventually(lambda: second.connected)


async def test_broker_survives_states_of_the_store(any_store: StoreProcess) -> None:
    """Methods that ask many things at once raise `StoreUnavailable` too, nothing else."""
    async with (
        open_redis(any_store.url, name="slow", wait_s=PATIENCE_S, reply_s=PATIENCE_S) as slow,
        open_broker(config_of(any_store.url), name="test") as broker,
    ):
        await broker.submit(REQUEST)
        await slow.config_set("busy-reply-threshold", 1)

        async def loop() -> None:
            with pytest.raises(ResponseError, match="killed"):
                await slow.call(("EVAL", "while true do end", 0))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(loop)
            with trio.fail_after(PATIENCE_S):
                reason = ""
                while "BUSY" not in reason:
                    try:
                        await broker.queue_status()
                    except StoreUnavailable as exc:
                        reason = str(exc)
            for call in (broker.heads(["u1", "u2"]), broker.workers(), broker.submit(REQUEST)):
                with pytest.raises(StoreUnavailable, match="BUSY"):
                    await call
            await broker.redis.call(("SCRIPT", "KILL"))
        assert (await broker.queue_status()).depth == 1


async def test_wrong_address_is_a_configuration_error() -> None:
    """`[store] url` that is no address ends the daemon with a message, not with a traceback."""
    with pytest.raises(ConfigError, match=r"\[store\] url"):
        async with open_broker(config_of("redis://example.org:none"), name="test"):
            pass
