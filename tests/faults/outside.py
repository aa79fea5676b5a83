"""A store that is not the system's own: a server, the way to it, and one that follows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import NamedTuple, TypeVar

import redis
import trio

from tests.conftest import StoreProcess, running_store
from tests.daemons.broker.conftest import Proxy
from tests.faults.fault import Setup, TooLate

T = TypeVar("T")

#: How long a follower may take to have what its leader has.
SYNC_S = 60.0


@asynccontextmanager
async def in_thread(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a blocking context manager in threads."""
    value = await trio.to_thread.run_sync(manager.__enter__)
    try:
        yield value
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(manager.__exit__, None, None, None)


async def follow(leader: StoreProcess, follower: StoreProcess, nursery: trio.Nursery) -> Proxy:
    """Let *follower* be a replica of *leader* through a proxy, and wait until it has a copy."""
    link = Proxy(str(leader.socket))
    await nursery.start(link.serve)
    await trio.to_thread.run_sync(_follow, leader.url, follower.url, link.port)
    return link


def _follow(leader_url: str, follower_url: str, port: int) -> None:
    with redis.Redis.from_url(follower_url) as operator:
        operator.replicaof("127.0.0.1", port)
    with redis.Redis.from_url(leader_url, socket_timeout=2 * SYNC_S) as operator:
        operator.set("synced", 1)
        told = operator.waitaof(1, 1, round(SYNC_S * 1000))
        if told != [1, 1]:
            raise TooLate(f"not on both disks within {SYNC_S:g} s: {told}")


class Outside(NamedTuple):
    """A store that is not the system's own, and all that stands around it; see `Ground`."""

    store: StoreProcess | None = None
    proxy: Proxy | None = None
    follower: StoreProcess | None = None
    link: Proxy | None = None
    url: str = ""


async def open_outside(setup: Setup, stack: AsyncExitStack, nursery: trio.Nursery) -> Outside:
    """Start what *setup* asks for; *stack* ends it."""
    if not setup.server:
        return Outside()
    running = running_store(*setup.options, server=setup.server)
    store = await stack.enter_async_context(in_thread(running))
    proxy, follower, link = None, None, None
    if setup.proxied:
        proxy = Proxy(str(store.socket))
        await nursery.start(proxy.serve)
    if setup.replica:
        follower = await stack.enter_async_context(in_thread(running_store(*setup.options)))
        link = await follow(store, follower, nursery)
    return Outside(store, proxy, follower, link, proxy.url if proxy else store.url)
