"""What our Redis client costs, beside synchronous redis-py and coredis, which runs on Trio too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import coredis
import redis
import trio

from benchmarks.measure import Comparison, Effort, benchmark, cpu_costs, durations, rates
from benchmarks.store import open_store
from daemons.broker.client import Redis, open_redis

_TASKS = 16
_KEY, _VALUE = "bench", b"x" * 100

Load = Callable[[float], Awaitable[int]]


class Clients(NamedTuple):
    """Three clients of one server, each on its unix socket."""

    ours: Redis
    redis_py: redis.Redis
    coredis: coredis.Redis[bytes]

    async def get_ours(self) -> None:
        """GET by our client."""
        await self.ours.call(("GET", _KEY))

    async def get_coredis(self) -> None:
        """GET by coredis."""
        await self.coredis.get(_KEY)

    def get_redis_py(self) -> None:
        """GET by redis-py; it blocks the whole thread, so it has no event loop to pay for."""
        self.redis_py.get(_KEY)

    def load_redis_py(self, seconds: float) -> int:
        """Send one GET after the other for *seconds*; return how many."""
        done, deadline = 0, trio.current_time() + seconds
        while trio.current_time() < deadline:
            self.get_redis_py()
            done += 1
        return done


def _load_of_tasks(get: Callable[[], Awaitable[None]]) -> Load:
    """Return a load of `_TASKS` tasks that each wait for their own replies."""

    async def load(seconds: float) -> int:
        done = 0

        async def get_until(deadline: float) -> None:
            nonlocal done
            while trio.current_time() < deadline:
                await get()
                done += 1

        async with trio.open_nursery() as nursery:
            for _ in range(_TASKS):
                nursery.start_soon(get_until, trio.current_time() + seconds)
        return done

    return load


@asynccontextmanager
async def _open_clients() -> AsyncIterator[Clients]:
    async with open_store() as config:
        url = config.store_url()
        async with open_redis(url, name="bench") as ours, coredis.Redis.from_url(url) as third:
            with redis.Redis.from_url(url, protocol=3) as bare:
                bare.set(_KEY, _VALUE)
                yield Clients(ours, bare, third)


@benchmark(
    "round-trip",
    ours="GET of 100 bytes through daemons.broker, one task",
    bare="the same through synchronous redis-py with hiredis",
)
async def round_trip(effort: Effort) -> Comparison:
    """One GET after the other over a unix socket to the same server, ours and redis-py in turn."""
    async with _open_clients() as clients:
        return await durations(clients.get_ours, clients.get_redis_py, effort.rounds * 5)


@benchmark(
    "round-trips",
    ours=f"GETs per second of {_TASKS} tasks that share one connection",
    bare="synchronous redis-py, one GET after the other",
)
async def round_trips(effort: Effort) -> Comparison:
    """In turns over a unix socket to the same server, ours and redis-py in turn.

    Our tasks each wait for their own reply; their commands travel together on one connection.
    """
    async with _open_clients() as clients:
        load = _load_of_tasks(clients.get_ours)
        return await rates(load, clients.load_redis_py, effort)


@benchmark(
    "round-trips-coredis",
    ours=f"GETs per second of {_TASKS} tasks that share one connection",
    bare="the same tasks on coredis as it comes",
)
async def round_trips_coredis(effort: Effort) -> Comparison:
    """In turns over a unix socket to the same server, ours and coredis in turn."""
    async with _open_clients() as clients:
        loads = _load_of_tasks(clients.get_ours), _load_of_tasks(clients.get_coredis)
        return await rates(*loads, effort)


@benchmark(
    "command-cpu",
    ours=f"this process's CPU time for one GET of {_TASKS} tasks",
    bare="synchronous redis-py, one GET after the other",
)
async def command_cpu(effort: Effort) -> Comparison:
    """In turns, ours and redis-py in turn: user and system time of this process alone."""
    async with _open_clients() as clients:
        load = _load_of_tasks(clients.get_ours)
        return await cpu_costs(load, clients.load_redis_py, effort)


@benchmark(
    "command-cpu-coredis",
    ours=f"this process's CPU time for one GET of {_TASKS} tasks",
    bare="the same tasks on coredis as it comes",
)
async def command_cpu_coredis(effort: Effort) -> Comparison:
    """In turns, ours and coredis in turn: user and system time of this process alone."""
    async with _open_clients() as clients:
        loads = _load_of_tasks(clients.get_ours), _load_of_tasks(clients.get_coredis)
        return await cpu_costs(*loads, effort)
