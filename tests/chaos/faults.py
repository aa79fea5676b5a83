"""What the chaos test does to the daemons: SIGKILL and SIGSTOP at random, by a seeded plan.

Besides, daemons stop themselves at named moments (daemons/crashpoints.py); those are woken here.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path

import trio

from daemons.supervisor.client import Client, NotRunning

#: How likely each daemon is the next victim.
_WEIGHTS = {"worker": 5, "api": 2, "gateway": 2, "store": 2}
_PAUSE_S = (0.2, 1.5)
#: Longer than a lease of the test, shorter than the watchdog.
_STOPPED_S = (0.2, 4.5)
_STOP_CHANCE = 0.25
_LOOK_S = 0.25


class Faults:
    """Ends and halts daemons until told to stop; `done` counts what it did."""

    def __init__(self, control: Path, seed: str) -> None:
        self._control = control
        self._random = random.Random(f"{seed}:faults")
        self.done: Counter[str] = Counter()
        self._halted: set[int] = set()

    async def run(self, until: trio.Event) -> None:
        """Do one thing after the other."""
        async with trio.open_nursery() as nursery:
            while not until.is_set():
                await trio.sleep(self._random.uniform(*_PAUSE_S))
                daemon = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
                halt = self._random.random() < _STOP_CHANCE
                for_s = self._random.uniform(*_STOPPED_S)
                pids = await trio.to_thread.run_sync(pids_of, self._control, daemon)
                if not pids:
                    continue
                pid = self._random.choice(pids)
                if halt:
                    nursery.start_soon(self._halt, daemon, pid, for_s)
                else:
                    self._signal(daemon, pid, signal.SIGKILL)

    async def wake(self, until: trio.Event) -> None:
        """Wake what has stopped itself, after longer than a lease; one stands still at a time.

        If all workers did, nobody would take over what the first holds.
        """
        chosen, looks = 0, 0
        while not until.is_set():
            await trio.sleep(_LOOK_S)
            pids = await trio.to_thread.run_sync(pids_of, self._control, "worker")
            stopped = [pid for pid in pids if is_stopped(pid) and pid not in self._halted]
            if chosen not in stopped:
                chosen, looks = (stopped or [0])[0], 0
            looks += 1
            for pid in stopped:
                if pid != chosen or looks * _LOOK_S > _STOPPED_S[1]:
                    self._signal("worker", pid, signal.SIGCONT)
                    self.done["stood still at a crash point"] += pid == chosen

    async def _halt(self, daemon: str, pid: int, for_s: float) -> None:
        self._signal(daemon, pid, signal.SIGSTOP)
        self._halted.add(pid)
        try:
            await trio.sleep(for_s)
        finally:
            self._halted.discard(pid)
            self._signal(daemon, pid, signal.SIGCONT)

    def _signal(self, daemon: str, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return  # a crash point was faster
        if number is not signal.SIGCONT:
            self.done[f"{number.name} {daemon}"] += 1


def pids_of(control: Path, daemon: str) -> list[int]:
    """Return the processes of *daemon*, none while the supervisor does not answer."""
    try:
        with Client(control) as client:
            status = client.ask("status")
    except NotRunning:
        return []
    instances = status["daemons"][daemon]["instances"]
    return [instance["pid"] for instance in instances if instance["pid"] and instance["ready"]]


def is_stopped(pid: int) -> bool:
    """Tell whether a process stands still."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"
