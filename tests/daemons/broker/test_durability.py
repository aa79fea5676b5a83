"""What a 202 promises is what the server gives, or nobody gets a 202. On real servers and replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis
import trio

from daemons.broker import Broker, StoreUnavailable, durability, open_broker
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

EVERYSEC = ("--appendfsync", "everysec")
NO_FILE = ("--appendonly", "no")

KEPT = [
    ("valkey", (), "memory"),
    ("valkey", (), "disk"),
    ("valkey", EVERYSEC, "memory"),
    ("valkey", EVERYSEC, "disk"),
    ("redis", (), "memory"),
    ("redis", (), "disk"),
    ("redis", EVERYSEC, "memory"),
]
REFUSED = [
    ("valkey", NO_FILE, "memory", "appendonly is off; mend it: CONFIG SET appendonly yes"),
    ("redis", NO_FILE, "disk", "appendonly is off; mend it: CONFIG SET appendonly yes"),
    ("redis", EVERYSEC, "disk", "lacks; mend it: CONFIG SET appendfsync always"),
    ("redis", (), "replica", "lacks; mend it: use Redis 7.2 or Valkey"),
    ("valkey", (), "replica", "needs a replica; mend it: connect one"),
    (
        "valkey",
        ("--maxmemory-policy", "allkeys-lru"),
        "memory",
        "'allkeys-lru'; mend it: CONFIG SET it to noeviction",
    ),
]


@pytest.fixture(autouse=True)
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a disk that flushes each second more time than one second to spare."""
    monkeypatch.setattr(durability, "_WAIT_MS", 4500)  # < the 5 s for a reply


@asynccontextmanager
async def opened(url: str, mode: str) -> AsyncIterator[Broker]:
    """Open a broker in *mode* and wait until it knows how it stands with the store."""
    with trio.fail_after(PATIENCE_S):
        async with open_broker(config_of(url, durability=mode), name="test") as broker:
            await eventually(
                lambda: (
                    "not connected yet" not in str(broker.redis._reason) or broker.redis.connected
                )
            )
            yield broker


@pytest.mark.parametrize(("server", "options", "mode"), KEPT)
async def test_mode_that_the_server_gives_survives_kill(
    server: str, options: tuple[str, ...], mode: str, start_store: Callable[..., StoreProcess]
) -> None:
    """Whatever was accepted is there after kill -9, and the answer names the mode."""
    store = start_store(*options, server=server)
    async with opened(store.url, mode) as broker:
        accepted = [await broker.submit(REQUEST) for _ in range(3)]
        store.kill()
        await eventually(lambda: not broker.redis.connected)
        await trio.to_thread.run_sync(store.start)
        await eventually(lambda: broker.redis.connected)

        assert {each.durability for each in accepted} == {mode}
        for each in accepted:
            assert await broker.get(each.submission.id) is not None


@pytest.mark.parametrize(("server", "options", "mode", "reason"), REFUSED)
async def test_mode_that_the_server_lacks_is_refused(
    server: str,
    options: tuple[str, ...],
    mode: str,
    reason: str,
    start_store: Callable[..., StoreProcess],
) -> None:
    """No call gets through, and each says what is missing and what mends it."""
    store = start_store(*options, server=server)
    async with opened(store.url, mode) as broker:
        with pytest.raises(StoreUnavailable) as caught:
            await broker.submit(REQUEST)

    assert "[store] durability: " in str(caught.value)
    assert reason in str(caught.value)


async def test_daemon_does_not_start_on_a_server_that_lacks_the_mode(
    start_store: Callable[..., StoreProcess],
) -> None:
    """At the start it is a mistake of the configuration, with the reason; a replica may yet come."""
    lacking, complete = start_store(*EVERYSEC, server="redis"), start_store(server="valkey")
    async with opened(lacking.url, "disk") as broker:
        with pytest.raises(ConfigError, match=r"\[store\] durability: .* lacks; mend it"):
            await broker.check_promise()
    async with opened(complete.url, "replica") as broker:
        await broker.check_promise()
    async with opened(complete.url, "disk") as broker:
        await broker.check_promise()


async def test_daemon_starts_while_the_store_is_away(store: StoreProcess) -> None:
    """What nobody can ask yet is no mistake."""
    store.kill()
    with trio.fail_after(PATIENCE_S):
        async with open_broker(config_of(store.url, durability="disk"), name="test") as broker:
            await broker.check_promise()


async def test_mended_server_is_taken_without_a_restart(
    start_store: Callable[..., StoreProcess],
) -> None:
    """The reason's own advice helps: once followed, the daemon serves."""
    store = start_store(*EVERYSEC, server="redis")
    async with opened(store.url, "disk") as broker:
        with redis.Redis.from_url(store.url) as operator:
            operator.config_set("appendfsync", "always")
        await eventually(lambda: broker.redis.connected)

        assert (await broker.submit(REQUEST)).durability == "disk"


async def test_hidden_settings_prove_nothing(any_store: StoreProcess) -> None:
    """A user who may not read the settings gets what needs no proof, and no more."""
    with redis.Redis.from_url(any_store.url) as operator:
        operator.execute_command(
            "ACL", "SETUSER", "gavel", "on", ">pw", "~*", "&*", "+@all", "-config"
        )
    url = f"unix://gavel:pw@{any_store.socket}"

    async with opened(url, "disk") as broker:
        with pytest.raises(StoreUnavailable, match="hides its settings"):
            await broker.submit(REQUEST)
    async with opened(url, "memory") as broker:
        assert (await broker.submit(REQUEST)).durability == "memory"


def calls_of(store: StoreProcess, command: str) -> int:
    """Return how often *store* has been asked *command*."""
    with redis.Redis.from_url(store.url) as operator:
        return int(operator.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_submissions_wait_for_the_disk_together(
    start_store: Callable[..., StoreProcess],
) -> None:
    """Where each needs a proof, those that come at once share it, and each gets its own answer."""
    store = start_store(*EVERYSEC)
    accepted = []

    async def submit(broker: Broker) -> None:
        accepted.append(await broker.submit(REQUEST))

    async with opened(store.url, "disk") as broker:
        async with trio.open_nursery() as nursery:
            for _ in range(60):
                nursery.start_soon(submit, broker)
        assert len({each.submission.id for each in accepted}) == 60
        assert sorted(each.submission.position or 0 for each in accepted) == list(range(1, 61))

    assert 1 <= calls_of(store, "waitaof") < 20


async def test_store_with_always_needs_no_second_connection(store: StoreProcess) -> None:
    """With `appendfsync always` the reply is the proof: nothing more is asked, or opened."""
    async with opened(store.url, "disk") as broker:
        await broker.submit(REQUEST)
        with redis.Redis.from_url(store.url) as operator:
            names = [each["name"] for each in operator.client_list()]

    assert "test" in names
    assert "test-commit" not in names
    assert calls_of(store, "waitaof") == 0


async def test_lost_library_is_put_back_for_proved_submissions(
    start_store: Callable[..., StoreProcess],
) -> None:
    """FUNCTION FLUSH costs one more round trip here too, not a submission."""
    store = start_store(*EVERYSEC)
    async with opened(store.url, "disk") as broker:
        await broker.submit(REQUEST)
        await broker.redis.call(("FUNCTION", "FLUSH"))

        assert (await broker.submit(REQUEST)).submission.position == 2


@asynccontextmanager
async def replicated(start_store: Callable[..., StoreProcess]) -> AsyncIterator[tuple[str, Proxy]]:
    """Run a primary and a replica that reaches it through a proxy; give address and proxy."""
    primary, replica = start_store("--repl-diskless-sync-delay", "0"), start_store()
    async with open_proxy(primary) as proxy:
        with redis.Redis.from_url(replica.url) as operator:
            operator.replicaof("127.0.0.1", proxy.port)
        with redis.Redis.from_url(primary.url) as operator:
            operator.set("synced", 1)
            # Until the replica has written its first copy down, it proves nothing.
            told = await trio.to_thread.run_sync(operator.waitaof, 1, 1, round(PATIENCE_S * 1000))
            assert told == [1, 1]
        yield primary.url, proxy


async def test_server_may_become_more_durable_meanwhile(
    start_store: Callable[..., StoreProcess],
) -> None:
    """A submission on its way when the server stops needing a proof is proved all the same."""
    store = start_store(*EVERYSEC)
    async with opened(store.url, "disk") as broker:
        await broker.submit(REQUEST)
        with redis.Redis.from_url(store.url) as operator:
            operator.config_set("appendfsync", "always")
            operator.function_flush()
            # Now the first try finds no function, and by the second the server was asked anew.
            operator.client_kill_filter(_id=await broker.redis.call(("CLIENT", "ID")))
        await eventually(lambda: not broker.redis.connected)
        broker.redis._wait_s = PATIENCE_S
        assert (await broker.submit(REQUEST)).durability == "disk"
        assert broker._promise.proof is None


async def test_replica_mode_waits_for_the_replica(
    start_store: Callable[..., StoreProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission that the replica does not have is no 202; the same key again is the same one."""
    async with replicated(start_store) as (url, proxy):
        async with opened(url, "replica") as broker:
            assert (await broker.submit(REQUEST)).durability == "replica"

        proxy.blackhole = True
        monkeypatch.setattr(durability, "_WAIT_MS", 300)
        async with opened(url, "replica") as broker:
            with pytest.raises(
                StoreUnavailable, match="not kept yet as 'replica' promises: 1 fsync, 0"
            ):
                await broker.submit(REQUEST, idempotency_key="k")
            assert (await broker.queue_status()).depth == 2


async def test_reads_do_not_wait_for_a_submissions_proof(
    start_store: Callable[..., StoreProcess],
) -> None:
    """A replica that lags holds up who submits, and nobody else."""
    answered = []

    async def submit(broker: Broker) -> None:
        try:
            await broker.submit(REQUEST)
        finally:
            answered.append(1)

    async with replicated(start_store) as (url, proxy), opened(url, "replica") as broker:
        proxy.blackhole = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(submit, broker)
            while (await broker.queue_status()).depth == 0:
                pass
            assert answered == []
            nursery.cancel_scope.cancel()
        assert answered == [1]


async def test_repeated_submission_is_proved_anew(
    start_store: Callable[..., StoreProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known key on a new connection is no 202 either while the replica lacks the submission.

    WAITAOF looks at what its own connection has written: the repetition has to write something.
    """
    monkeypatch.setattr(durability, "_WAIT_MS", 300)
    async with replicated(start_store) as (url, proxy):
        async with opened(url, "replica") as broker:
            proxy.blackhole = True
            with pytest.raises(StoreUnavailable, match="not kept yet"):
                await broker.submit(REQUEST, idempotency_key="k")
        async with opened(url, "replica") as broker:
            with pytest.raises(StoreUnavailable, match="not kept yet"):
                await broker.submit(REQUEST, idempotency_key="k")
            assert (await broker.queue_status()).depth == 1
