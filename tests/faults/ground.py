"""The ground on which a fault is played: a whole system, its users, and what may be done to them."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import trio

from daemons.broker import Broker, StoreUnavailable
from daemons.supervisor.client import Client, NotRunning, Refused
from protocol import keys
from tests.chaos.check import settle
from tests.chaos.clients import STAY_S, User
from tests.conftest import StoreProcess
from tests.daemons.broker.conftest import Proxy
from tests.faults.census import count_files
from tests.faults.fault import Setup, TooLate
from tests.system.conftest import Seen, System, processes_of

T = TypeVar("T")

#: Bound for each wait that has none of its own.
WAIT_S = 60.0
#: What has not come so long after its bound is not late: it is lost.
LOST_S = 60.0
#: How often a fault is injected anew where the machine was too slow for the moment that it is to hit.
TRIES = 5
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
        self.seen: set[Seen] = set()
        #: How many daemons were made to stand still until somebody minded.
        self.stood_still = 0
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
        found: dict[str, Any] = await self.ask("status")
        return found

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Give the supervisor a command."""
        # One that hangs is let be when the fault's time is up, and hangs up when it is killed.
        return await trio.to_thread.run_sync(
            partial(self._ask, command, **arguments), abandon_on_cancel=True
        )

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

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return what they have logged of *event*."""
        # The last line may be half written.
        whole, _, _ = self.log().rpartition("\n")
        lines = [line for line in whole.splitlines() if f'"event": "{event}"' in line]
        return [json.loads(line) for line in lines if line.startswith("{")]

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

    async def halt(self, daemon: str) -> None:
        """SIGSTOP a process of *daemon*, for which its watchdog is to kill it."""
        self.expected[daemon] += 1
        self.stood_still += 1
        await self.strike(daemon, signal.SIGSTOP)

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> Path:
        """Have the next process that reaches *point* get a signal; return the file that then goes."""
        self.look()
        ticket = self.folder / "tickets" / f"{point}.{number.name}"
        ticket.touch()
        if number is signal.SIGKILL:
            self.expected[point.partition(".")[0]] += 1
        return ticket

    async def taker(self, ticket: Path) -> int:
        """Wait until somebody got the signal of *ticket*, from `arm`; return his pid."""
        found: list[Path] = []

        def is_taken() -> bool:
            found[:] = ticket.parent.glob(f"{ticket.name}.*")
            return bool(found)

        await self.until(is_taken, f"somebody gets to {ticket.name}")
        found[0].unlink()
        return int(found[0].suffix[1:])

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
            TooLate: it did later than within *within_s*.
            AssertionError: it did not long after that either; a control does not wait for so long.
        """
        begun = trio.current_time()
        patience_s = within_s + (0.0 if self.setup.sabotage else LOST_S)
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            took_s = trio.current_time() - begun
            if found and took_s <= within_s:
                return took_s
            if found:
                raise TooLate(f"after {took_s:.1f} s, not within {within_s:g} s: {what}")
            if took_s >= patience_s:
                raise AssertionError(f"not within {patience_s:g} s: {what}")
            await trio.sleep(0.01)

    async def asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what the store answers; daemons that serve again may be back at it before us."""
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                await trio.sleep(0.05)

    async def record(self, submission_id: str, *names: str) -> list[str]:
        """Return fields of a submission's hash."""
        fields = ("HMGET", keys.submission(0, submission_id), *names)
        values = await self.asked(lambda: self.broker.redis.call(fields))
        return [(value or b"").decode() for value in values]

    async def is_held(self, submission_id: str) -> bool:
        """Tell whether some worker holds the submission now."""
        return (await self.record(submission_id, "status"))[0] in ("compiling", "running")

    async def worker_of(self, submission_id: str) -> int:
        """Wait until some worker has taken the submission; return its pid."""
        found: list[str] = []

        async def taken() -> bool:
            found[:] = await self.record(submission_id, "worker")
            return bool(found[0])

        await self.until(taken, f"somebody takes {submission_id}")
        return int(found[0].rpartition(".")[0].split("-")[-2])

    async def while_running(
        self,
        user: User,
        codes: Sequence[str],
        act: Callable[[list[int]], Awaitable[object]],
        undo: Callable[[list[int]], Awaitable[object]],
    ) -> list[str]:
        """Submit *codes* and *act* while all of them run; return their ids.

        *act* and *undo* get the pids of who runs them. On a slow machine one may have ended before
        all was done: then it is undone and tried again.
        """
        for _ in range(TRIES):
            ids = [await self.submit(user, code) for code in codes]
            workers = [await self.worker_of(id_) for id_ in ids]
            await act(workers)
            # Twice: with the first look the store reads what they had just sent.
            if all([await self.is_held(id_) for id_ in ids * 2]):
                return ids
            await undo(workers)
            await self.judged(user, ids)
        raise TooLate(f"{TRIES} times what was submitted ended before the fault")

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
        found: Counter[str] = Counter()

        async def made() -> bool:
            status = await self.status()
            for name, daemon in status["daemons"].items():
                found[name] = sum(each["restarts"] for each in daemon["instances"])
            # Ready may also be who has just died, and nobody has noticed yet.
            return bool(status["ready"]) and found >= self.expected

        await self.until(made, f"all are ready after the restarts {dict(self.expected)}")
        if +found != +self.expected:
            self.check_pace()
            raise AssertionError(f"restarts {dict(+found)}, injected {dict(self.expected)}")

    async def check_attempts(self, ids: Iterable[str], wanted: int) -> None:
        """Check that each of *ids* was taken so often."""
        found = {int((await self.record(id_, "attempt"))[0]) for id_ in ids}
        if found != {wanted}:
            self.check_pace()
            raise AssertionError(f"attempts {found}, not {wanted}")

    def check_pace(self) -> None:
        """Return if no daemon stood still, by its own clock, for longer than it may; but for ours.

        Raises:
            TooLate: one did. That it was killed for it, or lost what it held, is no fault of its.
        """
        killed = [each for each in self.logged("killing") if "silent" in each["reason"]]
        dropped = [each for each in self.logged("judging dropped") if "heartbeat" in each["why"]]
        if len(killed) + len(dropped) > self.stood_still:
            raise TooLate(f"daemons stood still: {killed + dropped}")

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
        except TooLate:
            raise
        except AssertionError as exc:
            raise AssertionError(f"files left open beyond those of the start: {more}") from exc

    def end_watching(self) -> None:
        """Let all watchers go."""
        self._over.set()
        self._watching.cancel_scope.cancel(reason="the fault is over")
