"""The scripts on the server: both ways of calling them, flushed, repeated, side by side, out of memory."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import trio

from daemons.broker import (
    Broker,
    Claims,
    StoreUnavailable,
    library,
    open_broker,
    open_event_hub,
    open_intake,
)
from protocol import keys
from protocol.messages import Judgement, Verdict
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import (
    PATIENCE_S,
    REQUEST,
    config_of,
    eventually,
    open_proxy,
)

#: A server without functions, as all were before Redis 7.
OLD = ("--rename-command", "FUNCTION", "", "--rename-command", "FCALL", "")
JUDGEMENT = Judgement(verdict=Verdict.ACCEPTED, tests_passed=1, tests_total=1, time_s=0.01)


@pytest.fixture(params=["valkey functions", "redis functions", "redis scripts"])
def any_way(
    request: pytest.FixtureRequest, start_store: Callable[..., StoreProcess]
) -> StoreProcess:
    """Give a store for each way of calling the scripts."""
    server, way = request.param.split()
    return start_store(*(OLD if way == "scripts" else ()), server=server)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Broker]:
    """Open a broker, connected."""
    with trio.fail_after(PATIENCE_S):
        async with open_broker(config_of(url), name="test") as broker:
            await eventually(lambda: broker.redis.connected)
            yield broker


async def claim_next(broker: Broker, claims: Claims) -> Any:
    """Pop the next hint and claim it."""
    return await claims.claim(0, await broker.redis.call(("RPOP", keys.queue(0, "normal"))))


async def live_a_life(broker: Broker) -> list[Any]:
    """Use every script on submissions; return what they answered, without ids and times."""
    claims = Claims(broker, "w1")
    seen: list[Any] = []
    first = (await broker.submit(REQUEST, idempotency_key="k")).submission.id
    again = await broker.submit(REQUEST, idempotency_key="k")
    seen += [again.created, again.submission.id == first, again.submission.position]
    claim = await claim_next(broker, claims)
    seen += [claim.attempt, claim.request, await claims.beat([claim])]
    seen += [await claims.release(claim), await claims.beat([claim]) == [claim]]
    claim = await claim_next(broker, claims)
    seen += [await claims.fail(claim)]
    claim = await claim_next(broker, claims)
    seen += [claim.attempt, await claims.finish(claim, JUDGEMENT)]
    seen += [await claims.finish(claim, JUDGEMENT)]
    seen += [(await broker.rejudge(first))[1], (await broker.rejudge(first))[1]]
    seen += [(await broker.cancel(first))[1], (await broker.cancel(first))[1]]
    seen += [await claims.repair(), [await claims.expire(each) for each in await claims.leases()]]
    replay = await broker.replay("u1", None)
    seen += [[event.split(b",")[0] for event in replay.events], replay.recovered]
    seen += [(await broker.get(first)).status, await broker.queue_status()]
    seen += [await claims.forget(0), await broker.get(first)]
    return seen


async def test_both_ways_of_calling_answer_alike(start_store: Callable[..., StoreProcess]) -> None:
    """Functions and EVALSHA are made of the same source, and behave so."""
    lives = []
    for server, options in (("valkey", ()), ("redis", ()), ("redis", OLD)):
        async with opened(start_store(*options, server=server).url) as broker:
            lives.append(await live_a_life(broker))
            is_function = broker._library.command("show", 0)[0] == "FCALL"
            assert is_function is (options is not OLD)

    assert lives[0] == lives[1] == lives[2]
    assert lives[0][-1] is None
    assert lives[0].count(True) >= 6


async def test_user_without_functions_gets_scripts(any_store: StoreProcess) -> None:
    """A user who may not load functions falls back on EVALSHA, as on an old server."""
    with redis.Redis.from_url(any_store.url) as operator:
        rules = ("on", ">pw", "~*", "&*", "+@all", "-function", "-fcall")
        operator.execute_command("ACL", "SETUSER", "gavel", *rules)

    async with opened(f"unix://gavel:pw@{any_store.socket}") as broker:
        assert (await broker.submit(REQUEST)).created
        assert broker._library.command("show", 0)[0] == "EVALSHA"


async def test_flushed_scripts_are_put_back_under_load(any_way: StoreProcess) -> None:
    """FUNCTION FLUSH and SCRIPT FLUSH at any moment: every call succeeds, each with one effect."""
    accepted: list[str] = []

    async def submit(broker: Broker) -> None:
        for _ in range(20):
            submitted = await broker.submit(REQUEST)
            accepted.append(submitted.submission.id)

    async def flush() -> None:
        with redis.Redis.from_url(any_way.url) as operator:
            for count in range(0, 100, 10):
                await eventually(lambda: len(accepted) >= count)  # noqa: B023
                operator.script_flush()
                if "rename-command" not in str(any_way._command):
                    operator.function_flush()

    async with opened(any_way.url) as broker:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flush)
            for _ in range(5):
                nursery.start_soon(submit, broker)
        assert (await broker.queue_status()).depth == len(set(accepted)) == 100


async def test_library_survives_kill(any_way: StoreProcess) -> None:
    """After kill -9 and a restart the scripts are there, or are put there on connecting."""
    async with opened(any_way.url) as broker:
        await broker.submit(REQUEST)
        any_way.kill()
        await eventually(lambda: not broker.redis.connected)
        await trio.to_thread.run_sync(any_way.start)
        await eventually(lambda: broker.redis.connected)

        assert (await broker.submit(REQUEST)).submission.position == 2


async def test_two_versions_live_side_by_side(
    any_store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a rolling upgrade old and new daemons each call their own library, on one queue."""
    async with opened(any_store.url) as old:
        await old.submit(REQUEST)
        newer = library._FUNCTIONS.replace(library._NAME, "gavel_newer")
        monkeypatch.setattr(library, "_FUNCTIONS", newer)
        monkeypatch.setattr(library, "_NAME", "gavel_newer")
        async with opened(any_store.url) as new:
            assert new._library.command("show", 0)[1] == "gavel_newer_show"
            assert (await new.submit(REQUEST)).submission.position == 2
            monkeypatch.undo()
            assert (await old.submit(REQUEST)).submission.position == 3
        loaded = await old.redis.call(("FUNCTION", "LIST"))

    assert {each[b"library_name"].decode() for each in loaded} == {library._NAME, "gavel_newer"}


async def test_upgrade_takes_old_versions_away(any_store: StoreProcess) -> None:
    """What earlier versions left on the server goes when a new one comes; others' libraries stay."""
    load = "#!lua name={0}\nredis.register_function('{0}_x', function() return 1 end)"
    with redis.Redis.from_url(any_store.url) as operator:
        for name in ("gavel_0", "gavel_1", "mine"):
            operator.function_load(load.format(name))
    async with opened(any_store.url) as broker:
        loaded = await broker.redis.call(("FUNCTION", "LIST"))
        assert {each[b"library_name"] for each in loaded} == {library._NAME.encode(), b"mine"}
        # A daemon of the old version puts its own back, and a flush of all is no upgrade.
        with redis.Redis.from_url(any_store.url) as operator:
            operator.function_flush()
            operator.function_load(load.format("gavel_0"))
        assert (await broker.submit(REQUEST)).created
        loaded = await broker.redis.call(("FUNCTION", "LIST"))
        assert {each[b"library_name"] for each in loaded} == {library._NAME.encode(), b"gavel_0"}


async def test_daemons_that_start_together_load_once(any_store: StoreProcess) -> None:
    """Whoever comes second finds the library there, and that is no error."""
    connected = []

    async def start() -> None:
        async with opened(any_store.url) as broker:
            connected.append(await broker.submit(REQUEST))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(start)
    assert len(connected) == 10


async def test_full_memory_refuses_submissions_whole_and_ends_the_rest(
    any_way: StoreProcess,
) -> None:
    """Without memory nothing new is taken, not by half; what is under way still ends."""
    async with opened(any_way.url) as broker:
        claims = Claims(broker, "w1")
        for _ in range(4):
            await broker.submit(REQUEST)
        held = [await claim_next(broker, claims) for _ in range(3)]
        before = {*await broker.redis.keys()}
        await broker.redis.config_set("maxmemory", 1)

        with pytest.raises(StoreUnavailable, match="OOM"):
            await broker.submit(REQUEST, idempotency_key="k")
        assert {*await broker.redis.keys()} == before

        assert await claims.beat(held) == []
        assert await claims.finish(held[0], JUDGEMENT)
        assert await claims.release(held[1])
        assert await claims.fail(held[2]) == "requeued"
        claim = await claim_next(broker, claims)
        assert claim is not None
        assert await claims.finish(claim, JUDGEMENT)
        assert await broker.queue_status() == (2, 0, 0)
        with pytest.raises(StoreUnavailable, match="OOM"):
            await broker.rejudge(claim.submission_id)
        assert await broker.queue_status() == (2, 0, 0)
        await broker.redis.call(("RPOP", keys.queue(0, "normal")))
        assert [await broker.script("repair", 0, "normal", -1, 9) for _ in range(3)] == [0, 1, 0]


def script_calls(claim_id: str) -> dict[str, tuple[Any, ...]]:
    """Return one call of each script that changes something, in an order that makes sense."""
    nothing = b'"verdict":"internal_error"'
    submit = (
        claim_id,
        "u1",
        "normal",
        "python",
        "p",
        b"{}",
        "key",
        "hash",
        60,
        100,
        100,
        *(0, 0, 0, 0, "", "r1"),
    )
    return {
        "submit": submit,
        "claim": (claim_id, 1, "t1", "w1"),
        "beat": (claim_id, "t1"),
        "progress": (claim_id, "t1", 0, 0, "compiled", b'"a":1'),
        "release": (claim_id, "t1"),
        "claim again": (claim_id, 1, "t2", "w1"),
        "fail": (claim_id, "t2", 3, nothing),
        "claim anew": (claim_id, 1, "t3", "w1"),
        "finish": (claim_id, "t3", 0, "accepted", b'"b":2', 1, "verdict", "accepted"),
        "rejudge": (claim_id, 100, 100, "r2"),
        "cancel": (claim_id,),
    }


async def state_of(url: str) -> Any:
    """Return everything in the store but times, and how many signs of life there were."""
    async with opened(url) as broker:
        found: dict[str, Any] = {}
        for key in sorted(await broker.redis.keys()):
            kind = (await broker.redis.type(key)).decode()
            name = key.decode().split("01", 1)[0]
            if kind == "hash":
                values = await broker.redis.hgetall(key)
                found[name] = {
                    field: value
                    for field, value in values.items()
                    if not field.endswith(b"_at") and field not in (b"id", b"last", b"beat")
                }
            elif kind == "stream":
                found[name] = [
                    entry[1][1].split(b",")[0]
                    for entry in await broker.redis.call(("XRANGE", key, "-", "+"))
                ]
            else:
                found[name] = await broker.redis.call(("LLEN" if kind == "list" else "ZCARD", key))
        return found


async def repeat(call: Callable[[], Awaitable[Any]]) -> int:
    """Call until the reply comes; return how often it did not."""
    for lost in range(100):
        try:
            await call()
        except StoreUnavailable:
            continue
        return lost
    raise AssertionError("no reply in 100 tries")


async def test_repeated_scripts_have_one_effect(any_way: StoreProcess) -> None:
    """Each reply is cut off within its bytes, and the call repeated: as if it had been made once."""
    rng = random.Random(3)
    submission_id = keys.make_submission_id(1, 1, 0)
    calls = script_calls(submission_id)
    async with opened(any_way.url) as broker:
        for name, args in calls.items():
            await broker.script(name.split()[0], 0, *args)
    expected = await state_of(any_way.url)
    with redis.Redis.from_url(any_way.url) as operator:
        operator.flushall()

    lost = 0
    async with open_proxy(any_way) as proxy, opened(proxy.url) as broker:
        for name, args in calls.items():
            for _ in range(3):
                proxy.reply_bytes = rng.randrange(1, 4)
                script = name.split()[0]
                lost += await repeat(lambda: broker.script(script, 0, *args))  # noqa: B023
                if script in ("release", "fail", "rejudge", "cancel"):
                    break  # they answer a repetition otherwise: what they ask for is done

    assert lost >= len(calls)
    assert await state_of(any_way.url) == expected


async def test_documented_rights_are_enough(any_store: StoreProcess) -> None:
    """The access list of docs/protocol.md lets every script and query through."""
    page = Path(__file__).parents[3].joinpath("docs/protocol.md").read_text()
    (rights,) = re.findall(r"^ACL SETUSER gavel on >PASSWORD (.*)$", page, re.MULTILINE)
    with redis.Redis.from_url(any_store.url) as operator:
        operator.execute_command("ACL", "SETUSER", "gavel", "on", ">pw", *rights.split())

    async with opened(f"unix://gavel:pw@{any_store.socket}") as broker:
        assert (await live_a_life(broker))[0] is False
        async with open_intake(broker, name="intake") as intake:
            await broker.submit(REQUEST)
            assert await intake.pop(suspects=True) is not None
            await intake.unblock()
        async with open_event_hub(broker.config, name="hub") as hub, hub.subscribe("u1"):
            assert await broker.heads(["u1"]) != [0]
        assert await broker.workers() == []
