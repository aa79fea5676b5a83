"""One place for a process of a daemon: fills it, watches it, fills it again.

A slot's process goes through *starting* (loading, then behind the gate until its turn), *running*
(serving), *stopping*; between two processes the slot is in *backoff* or *held* (limit reached). It
comes to rest *stopped*, *ended* (by itself, and not to be started again), or *failed* when the
process said that its configuration is wrong.
"""

from __future__ import annotations

import random
import signal
from collections import deque
from functools import partial
from typing import Any, NamedTuple

import trio

from daemons.logs import log
from daemons.service import CAN_SERVE
from daemons.supervisor.child import Child, Launch
from daemons.supervisor.merged_log import TAIL_LINES
from daemons.supervisor.plan import DaemonSpec
from daemons.supervisor.policy import Action, DeathBook, Deaths, Decision, judge_death
from daemons.supervisor.site import Site

#: After a second request to stop, this long until SIGKILL.
HURRY_S = 3.0
#: What a killed process's pipe may still hold is read within this time.
_LAST_WORDS_S = 1.0
#: How many of a dead process's last lines its report repeats.
_REPORT_LINES = 20


class Ending(NamedTuple):
    """How a process ended: its exit code (negative: a signal), and why we think so."""

    code: int
    reason: str
    healthy_s: float

    def as_json(self) -> dict[str, Any]:
        """Return it as `gavel status --json` shows it."""
        by_signal = signal.Signals(-self.code).name if self.code < 0 else None
        code = self.code if self.code >= 0 else None
        return {"code": code, "signal": by_signal, "reason": self.reason}


def _by_itself(code: int, *, out_of_memory: bool) -> str:
    if code == -signal.SIGKILL and out_of_memory:
        return "out of memory: killed by the kernel (oom)"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else "ended by itself"


class Slot:
    """One process of *spec*, kept alive until `stop`.

    Args:
        site: what is shared.
        spec: how it is run.
        listen_fds: sockets to pass on.
        go: opened when it is this daemon's turn to serve.
        book: the deaths of this daemon.
        restarts: how often this place has been filled anew before.
    """

    def __init__(
        self,
        site: Site,
        spec: DaemonSpec,
        listen_fds: list[int],
        go: trio.Event,
        book: DeathBook,
        restarts: int = 0,
    ) -> None:
        self.state = "starting"
        self.restarts = restarts
        self.last_ending: Ending | None = None
        self.ended = trio.Event()
        self._site = site
        #: Changed by a reload; holds from the next step on.
        self.spec = spec
        self._listen_fds = listen_fds
        self._go = go
        self._stop = trio.Event()
        self._hurry = trio.Event()
        self._book = book
        self._failures = 0
        self._begin()

    def _begin(self) -> None:
        """Forget the last process."""
        self._child: Child | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._ready = trio.Event()
        self._ready_at = 0.0
        self._started_at = trio.current_time()
        self._beat_at = 0.0
        self._impaired = False
        self._why = ""
        self._status = ""

    @property
    def serving(self) -> bool:
        """Whether its process has come up, and lives."""
        return self.state == "running"

    @property
    def ready(self) -> bool:
        """Whether its process serves and has all that it needs for it, such as the store."""
        return self.serving and not self._impaired

    @property
    def failed_once(self) -> bool:
        """Whether a process of it has ended, or none will be started."""
        return self.last_ending is not None or self.state == "stopped"

    @property
    def settled(self) -> bool:
        """Whether nothing better is to be expected soon: it serves, or it has failed for good."""
        return self.state in {"running", "held", "failed", "ended", "stopped"}

    def as_json(self) -> dict[str, Any]:
        """Return it as `gavel status --json` shows it."""
        child = self._child
        return {
            "pid": child.pid if child else None,
            "ready": self.ready,
            "uptime_s": round(trio.current_time() - self._started_at, 3) if child else None,
            "restarts": self.restarts,
            "last_exit": self.last_ending.as_json() if self.last_ending else None,
            "state": self.state,
            "status": self._status,
        }

    def ask_to_stop(self, *, hurry: bool = False) -> None:
        """Begin to stop; `ended` is set when it has. With *hurry* it is killed soon."""
        self._stop.set()
        if hurry:
            self._hurry.set()

    def hear(self, fields: dict[str, str]) -> None:
        """Take what its process tells."""
        now = trio.current_time()
        if "STATUS" in fields:
            self._status = fields["STATUS"]
        if fields.get("WATCHDOG") == "1":
            self._beat_at = now
        if fields.get("READY") == "1":
            self._become_ready()
        if CAN_SERVE in fields:
            self._impaired = fields[CAN_SERVE] == "0"
            self._site.touch()

    async def run(self) -> None:
        """Keep a process in this place until asked to stop."""
        try:
            while not self._stop.is_set():
                self.last_ending = await self._live()
                if self._stop.is_set():
                    break
                await self._pause(self._judge(self.last_ending))
                self.restarts += not self._stop.is_set()
        finally:
            self._enter("stopped")
            self.ended.set()

    async def _live(self) -> Ending:
        """Run one process from its start to its end."""
        self._begin()
        try:
            child = self._child = Child(self._launch())
        except OSError as exc:
            return Ending(1, f"could not be started: {exc}", 0.0)
        self._site.add(child, self)
        self._enter("starting")
        async with trio.open_nursery() as reading:
            reading.start_soon(
                self._site.log.pump, self.spec.name, child.output, self._tail, self.spec.muted
            )
            code = await self._watch(child)
            reading.cancel_scope.deadline = trio.current_time() + _LAST_WORDS_S
        healthy_s = trio.current_time() - self._ready_at if self._ready.is_set() else 0.0
        why = self._why or _by_itself(code, out_of_memory=child.out_of_memory)
        return Ending(code, why, healthy_s)

    def _launch(self) -> Launch:
        return Launch(
            self.spec.command,
            self._site.environment(self.spec.environment, self.spec.watchdog_s),
            self._site.next_mark(self.spec.name),
            self._listen_fds,
            self._site.lifeline_fd,
            self.spec.oom_score_adj,
            self.spec.rlimits,
        )

    async def _watch(self, child: Child) -> int:
        """Wait for the end of *child*, which may be of our making; return its exit code."""
        try:
            async with trio.open_nursery() as watching:
                watching.start_soon(self._obey_stop, child)
                watching.start_soon(self._watch_start, child)
                watching.start_soon(self._watch_silence, child)
                await child.wait()
                watching.cancel_scope.cancel(reason="the process has ended")
        finally:
            with trio.CancelScope(shield=True):
                code = await child.bury()
            self._site.remove(child)
            self._child = None
        return code

    async def _obey_stop(self, child: Child) -> None:
        """When asked, stop *child*: SIGTERM, and SIGKILL at the deadline."""
        await self._stop.wait()
        self._why = "asked to stop"
        self._enter("stopping")
        child.signal(signal.SIGTERM)
        # A stopped process takes no SIGTERM before it goes on.
        child.signal(signal.SIGCONT)
        with trio.move_on_after(self.spec.stop_s):
            await self._hurry.wait()
            child.signal(signal.SIGTERM)
            await trio.sleep(HURRY_S)
        self._kill(child, f"did not stop within {self.spec.stop_s:g} s")

    async def _watch_start(self, child: Child) -> None:
        """Let *child* go when it is its turn; kill it when it does not get ready."""
        await self._go.wait()
        child.open_gate()
        with trio.move_on_after(self.spec.start_s) as patience:
            if self.spec.probe is not None:
                await self.spec.probe(partial(self._extend, patience))
                self._become_ready()
            await self._ready.wait()
            return
        self._kill(child, f"not ready within {self.spec.start_s:g} s")

    def _extend(self, patience: trio.CancelScope) -> None:
        """Give a process that shows that it makes progress its whole time again."""
        patience.deadline = trio.current_time() + self.spec.start_s

    async def _watch_silence(self, child: Child) -> None:
        """Kill *child* when its loop has been silent for too long."""
        await self._ready.wait()
        limit_s = self.spec.watchdog_s
        if limit_s is None:
            return
        while True:
            last = self._beat_at
            await trio.sleep_until(last + limit_s)
            # If it was us who stood still, what it said meanwhile waits to be heard.
            await trio.sleep(limit_s / 10)
            if self._beat_at == last:
                self._kill(child, f"its loop was silent for {limit_s:g} s")
                return

    def _kill(self, child: Child, why: str) -> None:
        log.warning("killing", name=self.spec.name, child=child.pid, reason=why)
        self._why = why
        child.signal(signal.SIGKILL)

    def _become_ready(self) -> None:
        if not self._ready.is_set():
            self._ready_at = self._beat_at = trio.current_time()
            self._ready.set()
            if not self._stop.is_set():
                self._enter("running")

    def _judge(self, ending: Ending) -> Decision:
        """Decide what follows from an ending that nobody asked for, and report it."""
        (self._book.at, self._failures), decision = judge_death(
            Deaths(self._book.at, self._failures),
            self.spec.policy,
            now=trio.current_time(),
            healthy_s=ending.healthy_s,
            code=ending.code,
            chance=random.random(),
        )
        log.error(
            "daemon died",
            name=self.spec.name,
            **ending.as_json(),
            next=decision.action.value,
            delay_s=decision.delay_s and round(decision.delay_s, 2),
            last_lines=[*self._tail][-_REPORT_LINES:],
        )
        return decision

    async def _pause(self, decision: Decision) -> None:
        """Wait as decided, or until asked to stop."""
        self._enter(decision.action.value)
        if decision.action is Action.ESCALATE:
            self._site.escalated.set()
        with trio.move_on_after(float("inf") if decision.delay_s is None else decision.delay_s):
            await self._stop.wait()

    def _enter(self, state: str) -> None:
        self.state = state
        self._site.touch()
