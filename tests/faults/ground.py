"""The ground on which a fault is played: a whole system, its users, and what may be done to them."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import trio

from daemons.broker import Broker, open_broker
from daemons.config import Config, Store
from daemons.supervisor.client import Client, NotRunning, Refused
from protocol import keys
from sandbox.cgroup.select import find_parents
from tests.chaos.check import settle
from tests.chaos.clients import STAY_S, User
from tests.chaos.run import sabotaged
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import Proxy
from tests.faults.fault import Setup, TooLate
from tests.faults.outside import in_thread, open_outside
from tests.system.conftest import System, is_alive, processes_of, started

#: Bound for each wait that has none of its own.
WAIT_S = 60.0
#: After the fault, what is wrong while nothing has happened for so long is lost; a control, whose
#: guard is out, need not wait for others on a busy machine.
STILL_S = 30.0
CONTROL_STILL_S = 3.0
#: Whose open files are counted: the store's are its clients', and it may be none of ours.
DAEMONS = ("gateway", "worker", "api")
#: Files that a process may have open beyond those of its start: a second box that was needed, a
#: connection to the store that has been broken and made anew.
SPARE_FILES = 12
#: How long each of several watchers of a user listens.
FOR_GOOD_S = (3600.0, 3600.0)
#: What a killed supervisor's daemons and their boxes may take to end, the store's last write included.
END_S = 10.0
BACKOFF_INITIAL_S = 0.05
BACKOFF_MAX_S = 0.5
#: Daemons come back quickly, and no number of injected deaths is too many. What attacks the sandbox is
#: tested elsewhere.
QUICK = f"""
[supervisor]
intensity = 1000
backoff_initial_s = {BACKOFF_INITIAL_S}
backoff_max_s = {BACKOFF_MAX_S}
[sandbox]
self_test = false
"""


class Ground:
    """One system under a fault. Every number of restarts that the fault causes is to be `expected`."""

    def __init__(
        self,
        folder: Path,
        system: System,
        setup: Setup,
        nursery: trio.Nursery,
        watching: trio.Nursery,
    ) -> None:
        self.folder = folder
        self.system = system
        self.setup = setup
        #: Of proxies and the like, and of the users' watchers.
        self.nursery = nursery
        self._watching = watching
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
        #: How many files a process of each daemon had open when nothing had happened yet.
        self.opened: dict[str, int] = {}
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

    async def replaced(self, daemon: str, old: Sequence[int]) -> float:
        """Wait until all serves again, and no process of *daemon* is one of *old*."""

        async def new() -> bool:
            return await self.ready() and not {*old} & {*await self.pids(daemon)}

        return await self.until(new, f"another {daemon}")

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
            self._watching.start_soon(self._watch, user)
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
        """Wait until *condition* holds; return how long that took, in seconds.

        Raises:
            TooLate: it did not within *within_s*.
        """
        begun = trio.current_time()
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            took_s = trio.current_time() - begun
            if found and took_s <= within_s:
                return took_s
            if found:
                raise TooLate(f"after {took_s:.1f} s, not within {within_s:g} s: {what}")
            if took_s >= within_s:
                raise TooLate(f"not within {within_s:g} s: {what}")
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

    async def descriptors(self) -> dict[str, int]:
        """Return how many files each daemon has open, the greediest of its processes counted."""
        found = {name: await self.pids(name) for name in DAEMONS}
        return {name: max(map(count_files, pids), default=0) for name, pids in found.items()}

    async def check_descriptors(self) -> None:
        """Let all users go, and check that no daemon keeps a file or socket of theirs open."""
        if not self.opened:
            return
        self.end_watching()
        await self.http.aclose()

        async def closed() -> bool:
            now = await self.descriptors()
            more.update({name: now[name] - self.opened[name] for name in DAEMONS})
            return max(more.values()) <= SPARE_FILES

        more: dict[str, int] = {}
        try:
            await self.until(closed, "their files")
        except AssertionError as exc:
            raise AssertionError(f"files left open beyond those of the start: {more}") from exc

    def end_watching(self) -> None:
        """Let all watchers go."""
        self._over.set()
        self._watching.cancel_scope.cancel(reason="the fault is over")


async def hold_nursery(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Hand over a nursery that stays open until it is cancelled."""
    async with trio.open_nursery() as nursery:
        task_status.started(nursery)
        await trio.sleep_forever()


def count_files(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


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
async def open_ground(setup: Setup) -> AsyncIterator[Ground]:
    """Start a system as *setup* says; in the end stop it and check that nothing is left of it."""
    async with AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="gavel-fault-"))
        folder = Path(name)
        (folder / "tickets").mkdir()
        await trio.to_thread.run_sync(setup.furnish, folder)
        nursery = await stack.enter_async_context(trio.open_nursery())
        # Inside a task: what plays here is not to end with the watchers.
        watching = await nursery.start(hold_nursery)
        outside = await open_outside(setup, stack, nursery)
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
        ground = Ground(folder, system, setup, nursery, watching)
        ground.store, ground.proxy, ground.follower, ground.link, _ = outside
        if setup.wait:
            await ground.find_addresses()
            ground.opened = await ground.descriptors()
        # A system within a mount namespace of its own is looked into from outside.
        root = f"/proc/{system.up.pid}/root" if setup.within else ""
        url = outside.store.url if outside.store else f"unix://{root}{folder}/var/store/store.sock"
        if setup.replica:
            url = outside.url  # wherever the proxy leads
        ground.broker = await stack.enter_async_context(
            open_broker(Config(store=Store(url=url)), name="faults")
        )
        ground.http = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=f"http://{ground.api or 'nowhere'}", timeout=WAIT_S)
        )
        try:
            yield ground
            ground.look()
        finally:
            ground.end_watching()
            nursery.cancel_scope.cancel(reason="the fault is over")
    deadline = time.monotonic() + END_S
    while (left := find_left(ground.seen)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await trio.sleep(0.05)
    for each in ground.after:
        each()
    assert not left, f"left over: {left[:5]}"
    assert ground.system.up.returncode == 0, f"gavel up ended with {ground.system.up.returncode}"
