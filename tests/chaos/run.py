"""One round of chaos: start everything, let users and faults at it, let it settle, look."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import trio

from daemons.broker import open_broker
from daemons.config import Config, Store
from tests.chaos.check import settle
from tests.chaos.clients import User
from tests.chaos.faults import Faults
from tests.system.conftest import ROOT, System, started

USERS = 4
#: After the faults whatever is left moves on, however busy the machine is; what has not moved for so
#: long is lost.
STILL_S = 30.0

CRASH_POINTS = {
    "api.before_submit": 0.01,
    "api.after_submit": 0.01,
    "worker.popped": 0.02,
    "worker.claimed": 0.01,
    "worker.running": 0.01,
    "worker.judged": 0.01,
    "worker.finished": 0.01,
}
STALL_POINTS = {"worker.popped": 0.005, "worker.judged": 0.01}

#: Two workers, so that each finds what the other dropped.
WORKER = """
processes = 2
slots = 1"""
CONFIG = """
[supervisor]
intensity = 100000
backoff_initial_s = 0.05
backoff_max_s = 0.5
"""


class Plan(NamedTuple):
    """What a round does.

    Attributes:
        seconds: how long users submit and faults happen. still_s: when nothing has happened for so
            long after that, what is wrong stays wrong.
        seed: of all random choices of this side. sabotage: the guard that is taken out.
        random_faults: whether daemons are killed and stopped at random moments too.
        crash: named moments at which daemons die, with probabilities. stall: likewise stand still.
    """

    seconds: float
    seed: str
    sabotage: str = ""
    still_s: float = STILL_S
    random_faults: bool = True
    crash: Mapping[str, float] = CRASH_POINTS
    stall: Mapping[str, float] = STALL_POINTS

    def environment(self, dangerous: Path) -> dict[str, str]:
        """Return the environment of daemons that die at named moments while *dangerous* exists."""
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GAVEL_CRASH_AT": _items(self.crash),
            "GAVEL_STALL_AT": _items(self.stall),
            "GAVEL_CRASH_SEED": self.seed,
            "GAVEL_CRASH_WHILE": str(dangerous),
        }
        return env | sabotaged(self.sabotage)


def sabotaged(guard: str) -> dict[str, str]:
    """Return variables that take *guard* out of every daemon; none if it is empty."""
    folder = ROOT / "tests" / "chaos" / "sabotage"
    return {"GAVEL_SABOTAGE": guard, "PYTHONPATH": str(folder)} if guard else {}


def _items(points: Mapping[str, float]) -> str:
    return ",".join(f"{name}={chance}" for name, chance in points.items())


class Outcome(NamedTuple):
    """What came of a round: what was done, and what was found wrong."""

    seed: str
    faults: Counter[str]
    users: list[User]
    wrong: list[str]
    log: str

    def table(self) -> str:
        """Return the outcome for people."""
        rows = [
            ("seed", self.seed),
            *sorted((name, str(count)) for name, count in self.faults.items()),
            ("answered 202", str(sum(len(user.accepted) for user in self.users))),
            ("cancelled", str(sum(len(user.cancelled) for user in self.users))),
            ("judged again", str(sum(user.rejudged.total() for user in self.users))),
            ("refused or lost, tried again", str(sum(user.refused for user in self.users))),
            ("events told", str(sum(len(user.events) for user in self.users))),
            ("events told twice", str(sum(user.repeated for user in self.users))),
            ("reconnects", str(sum(user.reconnects for user in self.users))),
            ("found wrong", str(len(self.wrong))),
        ]
        return "\n".join(f"{name:32} {value:>10}" for name, value in rows)


def run_chaos(plan: Plan) -> Outcome:
    """Run one round."""
    with tempfile.TemporaryDirectory(prefix="gavel-chaos-") as name:
        folder = Path(name)
        dangerous = folder / "dangerous"
        env = plan.environment(dangerous)
        with started(folder, worker=WORKER, more=CONFIG, env=env) as system:
            return trio.run(_play, system, plan, dangerous)


async def _play(system: System, plan: Plan, dangerous: Path) -> Outcome:
    api, gateway = system.listen("api"), system.listen("gateway")
    users = [User(f"user-{number}", plan.seed) for number in range(USERS)]
    faults = Faults(system.folder / "var" / "supervisor.sock", plan.seed)
    url = f"unix://{system.folder / 'var' / 'store' / 'store.sock'}"
    settled = trio.Event()
    async with trio.open_nursery() as watching:
        watching.start_soon(faults.wake, settled)
        for user in users:
            watching.start_soon(user.watch, gateway, settled)
        over = trio.Event()
        await trio.Path(dangerous).touch()
        async with trio.open_nursery() as playing:
            for user in users:
                playing.start_soon(user.submit, api, over)
            if plan.random_faults:
                playing.start_soon(faults.run, over)
            await trio.sleep(plan.seconds)
            over.set()
        # From now on nobody dies at a named moment, so whatever is left can move on.
        await trio.Path(dangerous).unlink()
        async with open_broker(Config(store=Store(url=url)), name="chaos") as broker:
            wrong = await settle(broker, users, plan.still_s)
        settled.set()
        watching.cancel_scope.cancel(reason="the round is over")
    return Outcome(plan.seed, faults.done + _crashes(system), users, wrong, system.log())


def _crashes(system: System) -> Counter[str]:
    """Count the deaths that the supervisor saw, those at crash points among them."""
    log = system.log()
    return Counter({"deaths seen by the supervisor": log.count("daemon died")})
