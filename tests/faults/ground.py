"""The ground on which a fault is played: a whole system, its users, and what may be done to them."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx2
import redis
import trio

from daemons.broker import Broker, open_broker
from daemons.config import Config, Store
from daemons.supervisor.client import Client, NotRunning, Refused
from protocol import keys
from sandbox.cgroup.select import find_parents
from tests.chaos.check import settle
from tests.chaos.clients import STAY_S, User
from tests.chaos.run import sabotaged
from tests.conftest import StoreProcess, running_store
from tests.daemons.broker.conftest import Proxy
from tests.faults.fault import Setup
from tests.system.conftest import System, is_alive, processes_of, started

T = TypeVar("T")

#: Bound for each wait that has none of its own.
WAIT_S = 60.0
#: After the fault, what is wrong while nothing has happened for so long is lost; a control, whose
#: guard is out, need not wait for others on a busy machine.
STILL_S = 30.0
CONTROL_STILL_S = 3.0
#: How long each of several watchers of a user listens.
FOR_GOOD_S = (3600.0, 3600.0)
#: What a killed supervisor's daemons and their boxes may take to end, the store's last write included.
END_S = 10.0
#: Daemons come back quickly, and no number of injected deaths is too many. What attacks the sandbox is
#: tested elsewhere.
QUICK = """
[supervisor]
intensity = 1000
backoff_initial_s = 0.05
backoff_max_s = 0.5
[sandbox]
self_test = false
"""


class Ground:
    """One system under a fault. Every number of restarts that the fault causes is to be `expected`."""

    def __init__(self, folder: Path, system: System, setup: Setup, nursery: trio.Nursery) -> None:
        self.folder = folder
        self.system = system
        self.setup = setup
        self.nursery = nursery
        self.users: list[User] = []
        self.expected: Counter[str] = Counter()
        self.store: StoreProcess | None = None
        self.proxy: Proxy | None = None
        #: A second server, and the way on which it follows the first.
        self.follower: StoreProcess | None = None
        self.link: Proxy | None = None
        self.broker: Broker
        self.http: httpx2.AsyncClient
        self.api = self.gateway = ""
        self.seen: set[int] = set()
        #: What remains to be done when all has ended.
        self.after: list[Callable[[], object]] = []
        self._over = trio.Event()
        #: Set, and replaced, when the addresses have changed.
        self._moved = trio.Event()
        self._keys = 0

    # What it is and does.

    async def status(self) -> dict[str, Any]:
        """Return what `gavel status` would."""
        return await trio.to_thread.run_sync(self._ask, "status")

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Give the supervisor a command."""
        return await trio.to_thread.run_sync(partial(self._ask, command, **arguments))

    def _ask(self, command: str, **arguments: Any) -> Any:
        with Client(self.folder / "var/supervisor.sock") as client:
            return client.ask(command, **arguments)

    async def instances(self, daemon: str) -> list[dict[str, Any]]:
        """Return the processes of *daemon*."""
        found: list[dict[str, Any]] = (await self.status())["daemons"][daemon]["instances"]
        return found

    async def pids(self, daemon: str) -> list[int]:
        """Return the pids of *daemon*."""
        return [each["pid"] for each in await self.instances(daemon) if each["pid"]]

    async def ready(self) -> bool:
        """Tell whether every daemon serves."""
        try:
            return bool((await self.status())["ready"])
        except (NotRunning, Refused):
            return False

    async def find_addresses(self) -> None:
        """Learn where the API and the gateway are."""
        daemons = (await self.status())["daemons"]
        self.api, self.gateway = (daemons[name]["listen"][0] for name in ("api", "gateway"))
        self._moved.set()
        self._moved = trio.Event()

    def log(self) -> str:
        """Return what all daemons have logged."""
        return self.system.log()

    # What is done to it.

    async def strike(self, daemon: str, number: signal.Signals, place: int = 0) -> int:
        """Send a signal to a process of *daemon*; return its pid."""
        pid = (await self.pids(daemon))[place]
        self.send(pid, number, daemon)
        return pid

    def send(self, pid: int, number: signal.Signals, daemon: str) -> None:
        """Send a signal to *pid*, which a death of *daemon* is expected from if it is SIGKILL."""
        self.look()
        os.kill(pid, number)
        if number is signal.SIGKILL:
            self.expected[daemon] += 1

    def look(self) -> None:
        """Remember which processes there are, for the census at the end."""
        self.seen |= processes_of(self.system.up.pid)

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> Path:
        """Have the next process that reaches *point* get a signal; return the file that then goes."""
        self.look()
        ticket = self.folder / "tickets" / f"{point}.{number.name}"
        ticket.touch()
        if number is signal.SIGKILL:
            self.expected[point.partition(".")[0]] += 1
        return ticket

    # What users do.

    def user(self, name: str, *, watching: int = 1) -> User:
        """Return a new user who watches all the time, on so many sockets.

        Of several none hangs up by himself, as a user's only one does now and then.
        """
        for _ in range(watching):
            user = User(name, f"{self.folder}", STAY_S if watching == 1 else FOR_GOOD_S)
            self.users.append(user)
            self.nursery.start_soon(self._watch, user)
        return user

    async def greeted(self, since: Sequence[int] | None = None) -> float:
        """Wait until every watcher has heard `ready` once more than *since*, the counts of before."""
        counts = since or [0] * len(self.users)
        return await self.until(
            lambda: all(each.greeted > was for each, was in zip(self.users, counts, strict=True)),
            "every watcher hears `ready`",
        )

    async def _watch(self, user: User) -> None:
        while not self._over.is_set():
            await user.watch(self.gateway, self._moved)

    async def submit(self, user: User, code: str | None = None) -> str:
        """Submit until it is answered 202; return the id."""
        self._keys += 1
        return await user.submit_one(self.http, f"{user.name}-{self._keys}", code)

    async def judged(self, user: User, ids: Iterable[str], within_s: float = WAIT_S) -> float:
        """Wait until *user* was told the end of all *ids*; return how long that took, in seconds."""
        wanted = set(ids)
        return await self.until(lambda: wanted <= user.over, "all judged and told", within_s)

    async def until(
        self,
        condition: Callable[[], object | Awaitable[object]],
        what: str,
        within_s: float = WAIT_S,
    ) -> float:
        """Wait until *condition* holds; return how long that took, in seconds."""
        begun = trio.current_time()
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            took_s = trio.current_time() - begun
            if found:
                assert took_s <= within_s, (
                    f"after {took_s:.1f} s, not within {within_s:g} s: {what}"
                )
                return took_s
            assert took_s < within_s, f"not within {within_s:g} s: {what}"
            await trio.sleep(0.01)

    async def record(self, submission_id: str, *names: str) -> list[str]:
        """Return fields of a submission's hash."""
        key = keys.submission(0, submission_id)
        values = await self.broker.redis.call(("HMGET", key, *names))
        return [(value or b"").decode() for value in values]

    async def worker_of(self, submission_id: str) -> int:
        """Wait until some worker holds the submission; return its pid."""
        found: list[str] = []

        async def held() -> bool:
            status, name = await self.record(submission_id, "status", "worker")
            found[:] = [name]
            return bool(name) and status in ("compiling", "running")

        await self.until(held, f"somebody holds {submission_id}")
        return int(found[0].rpartition(".")[0].split("-")[-2])

    def told(self, user: User, submission_id: str) -> list[str]:
        """Return the kinds of events that *user* was told of a submission."""
        events = [user.events[id_] for id_ in sorted(user.events)]
        return [
            each["type"].removeprefix("submission.")
            for each in events
            if each["submission_id"] == submission_id
        ]

    # What must hold in the end.

    async def settle(self) -> None:
        """Wait until the common check finds nothing wrong."""
        still_s = CONTROL_STILL_S if self.setup.sabotage else STILL_S
        wrong = await settle(self.broker, self.users, still_s)
        assert not wrong, "; ".join(wrong[:5])

    async def check_restarts(self) -> None:
        """Check that nobody was started again but for what was injected."""

        async def restarts() -> Counter[str]:
            daemons = (await self.status())["daemons"]
            return Counter(
                {
                    name: sum(each["restarts"] for each in daemon["instances"])
                    for name, daemon in daemons.items()
                }
            )

        await self.until(self.ready, "all daemons are ready again")
        found = await restarts()
        assert +found == +self.expected, f"restarts {dict(+found)}, injected {dict(self.expected)}"

    def end_watching(self) -> None:
        """Let all watchers go."""
        self._over.set()
        self.nursery.cancel_scope.cancel(reason="the fault is over")


def find_left(seen: set[int]) -> list[str]:
    """Return what is left of the processes *seen*: themselves, and control groups of theirs."""
    left = [f"process {pid}" for pid in seen if is_alive(pid)]
    groups = [each.name for parent in find_parents() for each in Path(parent).iterdir()]
    return left + [
        f"control group {name}"
        for name in groups
        if name.startswith("gavel-") and name.split("-")[1].isdecimal()
        and int(name.split("-")[1]) in seen
    ]  # fmt: skip


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
    with redis.Redis.from_url(leader_url, socket_timeout=2 * WAIT_S) as operator:
        operator.set("synced", 1)
        told = operator.waitaof(1, 1, round(WAIT_S * 1000))
        assert told == [1, 1], told


class _Outside(NamedTuple):
    """A store that is not the system's own, and all that stands around it; see `Ground`."""

    store: StoreProcess | None = None
    proxy: Proxy | None = None
    follower: StoreProcess | None = None
    link: Proxy | None = None
    url: str = ""


async def _open_outside(setup: Setup, stack: AsyncExitStack, nursery: trio.Nursery) -> _Outside:
    """Start what *setup* asks for; *stack* ends it."""
    if not setup.server:
        return _Outside()
    running = running_store(*setup.options, server=setup.server)
    store = await stack.enter_async_context(in_thread(running))
    proxy, follower, link = None, None, None
    if setup.proxied:
        proxy = Proxy(str(store.socket))
        await nursery.start(proxy.serve)
    if setup.replica:
        follower = await stack.enter_async_context(in_thread(running_store(*setup.options)))
        link = await follow(store, follower, nursery)
    return _Outside(store, proxy, follower, link, proxy.url if proxy else store.url)


@asynccontextmanager
async def open_ground(setup: Setup) -> AsyncIterator[Ground]:
    """Start a system as *setup* says; in the end stop it and check that nothing is left of it."""
    async with AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="gavel-fault-"))
        folder = Path(name)
        (folder / "tickets").mkdir()
        nursery = await stack.enter_async_context(trio.open_nursery())
        outside = await _open_outside(setup, stack, nursery)
        table = f'url = "{outside.url}"\n{setup.store}' if outside.store else setup.store
        environment = {
            **os.environ, **sabotaged(setup.sabotage), "GAVEL_CRASH_TICKETS": f"{folder}/tickets",
        }  # fmt: skip
        more = setup.more if "[supervisor]" in setup.more else QUICK + setup.more
        more = more.replace("FOLDER", name)
        system = await stack.enter_async_context(
            in_thread(
                started(
                    folder, worker=setup.worker, store=table, api=setup.api,
                    gateway=setup.gateway, more=more,
                    within=setup.within, wait=setup.wait,
                    env=environment,
                )
            )
        )  # fmt: skip
        ground = Ground(folder, system, setup, nursery)
        ground.store, ground.proxy, ground.follower, ground.link, _ = outside
        if setup.wait:
            await ground.find_addresses()
        # A system within a mount namespace of its own is looked into from outside.
        root = f"/proc/{system.up.pid}/root" if setup.within else ""
        url = outside.store.url if outside.store else f"unix://{root}{folder}/var/store/store.sock"
        if setup.replica:
            url = outside.url  # wherever the proxy leads
        ground.broker = await stack.enter_async_context(
            open_broker(Config(store=Store(url=url)), name="faults")
        )
        ground.http = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=f"http://{ground.api or 'nowhere'}", timeout=10.0)
        )
        try:
            yield ground
            ground.look()
        finally:
            ground.end_watching()
    deadline = time.monotonic() + END_S
    while (left := find_left(ground.seen)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await trio.sleep(0.05)
    for each in ground.after:
        each()
    assert not left, f"left over: {left[:5]}"
    assert ground.system.up.returncode == 0, f"gavel up ended with {ground.system.up.returncode}"
