"""What our Redis client and the submit script cost, beside synchronous redis-py."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import redis
import trio

from benchmarks.measure import Comparison, Effort, benchmark, durations, rates
from daemons.broker import open_broker
from daemons.broker.client import open_redis
from daemons.config import Config, load_config
from daemons.supervisor.store import store_command, wait_for_store
from protocol.messages import SubmissionRequest

_START_S = 10.0
_TASKS = 16
_CONFIG = """
[store]
listen = ""
[limits]
open_per_user = 1000000
queue_depth = 1000000
"""
_KEY, _VALUE = "bench", b"x" * 100
_REQUEST = SubmissionRequest(
    problem_id="two-sum", user_id="bench", language="python", code="print(1)\n" * 40
)


@asynccontextmanager
async def open_store() -> AsyncIterator[Config]:
    """Run an embedded store with the shipped settings in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="gavel-bench-") as folder:
        file = Path(folder) / "supervisor.toml"
        file.write_text(_CONFIG)
        config = load_config(file)
        async with trio.open_nursery() as nursery:
            run = partial(
                trio.run_process,
                store_command(config),
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            process = await nursery.start(run)
            with trio.fail_after(_START_S):
                await wait_for_store(config.store_socket)
            try:
                yield config
            finally:
                process.send_signal(signal.SIGTERM)


@benchmark(
    "round-trip",
    ours="GET of 100 bytes through daemons.broker, one task",
    bare="the same through synchronous redis-py with hiredis",
)
async def round_trip(effort: Effort) -> Comparison:
    """One GET after the other over a unix socket to the same server, ours and redis-py in turn.

    redis-py blocks the whole thread, so it has no event loop to pay for.
    """
    async with open_store() as config, open_redis(config.store_url(), name="bench") as ours:
        with redis.Redis.from_url(config.store_url(), protocol=3) as bare:
            bare.set(_KEY, _VALUE)

            async def get_ours() -> None:
                await ours.call(("GET", _KEY))

            def get_bare() -> None:
                bare.get(_KEY)

            return await durations(get_ours, get_bare, effort.rounds * 5)


@benchmark(
    "round-trips",
    ours=f"GETs per second of {_TASKS} tasks that share one connection",
    bare="synchronous redis-py, one GET after the other",
)
async def round_trips(effort: Effort) -> Comparison:
    """Turns of 3 s over a unix socket to the same server, ours and redis-py in turn.

    Our tasks each wait for their own reply; their commands travel together on one connection.
    """
    async with open_store() as config, open_redis(config.store_url(), name="bench") as ours:
        with redis.Redis.from_url(config.store_url(), protocol=3) as bare:
            bare.set(_KEY, _VALUE)

            async def load_ours(seconds: float) -> int:
                done = 0

                async def get_until(deadline: float) -> None:
                    nonlocal done
                    while trio.current_time() < deadline:
                        await ours.call(("GET", _KEY))
                        done += 1

                async with trio.open_nursery() as nursery:
                    for _ in range(_TASKS):
                        nursery.start_soon(get_until, trio.current_time() + seconds)
                return done

            def load_bare(seconds: float) -> int:
                done, deadline = 0, trio.current_time() + seconds
                while trio.current_time() < deadline:
                    bare.get(_KEY)
                    done += 1
                return done

            return await rates(load_ours, load_bare, effort.turns)


@benchmark(
    "submit",
    ours="broker.submit: record, index, history, event, LPUSH and PUBLISH in one script, on disk",
    bare="LPUSH of the same request, on disk",
)
async def submit(effort: Effort) -> Comparison:
    """One call after the other; both wait for the disk, as `appendfsync always` makes them."""
    async with open_store() as config, open_broker(config, name="bench") as broker:
        with redis.Redis.from_url(config.store_url(), protocol=3) as bare:

            async def submit_ours() -> None:
                await broker.submit(_REQUEST)

            def push_bare() -> None:
                bare.lpush("bench", _REQUEST.code or "")

            return await durations(submit_ours, push_bare, effort.rounds)
