"""One daemon: its slots, its listening socket, and what is done to all of them together."""

from __future__ import annotations

import socket
from typing import Any

import trio

from daemons.config import Address, ConfigError
from daemons.supervisor.plan import DaemonSpec
from daemons.supervisor.policy import DeathBook
from daemons.supervisor.site import Site
from daemons.supervisor.slot import Slot

_BACKLOG = 1024


class RestartFailed(Exception):
    """A new process did not get ready; the message says why and what serves now."""


class Daemon:
    """A daemon of *spec*.

    Args:
        site: what is shared.
        spec: how it is run.
        nursery: where its slots live.
        door: the bound socket that it serves, if it has one; it belongs to the caller.
    """

    def __init__(
        self, site: Site, spec: DaemonSpec, nursery: trio.Nursery, door: socket.socket | None
    ) -> None:
        self.spec = spec
        self._site = site
        self._nursery = nursery
        self._door = door
        self._go = trio.Event()
        self._book = DeathBook()
        self._changing = trio.Lock()
        #: All that have not ended, those that are being replaced or given up included.
        self._living: set[Slot] = set()
        self._stopping = False
        self._slots = [self._make_slot() for _ in range(spec.processes)]

    @property
    def address(self) -> str | None:
        """Where it listens, with the real port."""
        if self._door is None:
            return self.spec.own_listen or None
        host, port, *_ = self._door.getsockname()
        return str(Address(host, port))

    @property
    def ready(self) -> bool:
        """Whether all its processes serve and can reach what they need."""
        return all(slot.ready for slot in self._slots)

    @property
    def serving(self) -> bool:
        """Whether all its processes have come up, and live."""
        return all(slot.serving for slot in self._slots)

    @property
    def settled(self) -> bool:
        """Whether waiting for it makes sense no more."""
        return all(slot.settled for slot in self._slots)

    @property
    def failed(self) -> bool:
        """Whether a process of it said that the configuration is wrong."""
        return any(slot.state == "failed" for slot in self._slots)

    @property
    def state(self) -> str:
        """The state of the process that fares worst."""
        order = ("failed", "held", "ended", "backoff", "starting", "stopping", "stopped", "running")
        return min((slot.state for slot in self._slots), key=order.index)

    def as_json(self) -> dict[str, Any]:
        """Return it as `gavel status --json` shows it."""
        instances = [slot.as_json() for slot in self._slots]
        listen = [self.address] if self.address else []
        return {"state": self.state, "instances": instances, "listen": listen}

    def let_go(self) -> None:
        """Open its door and let its loaded processes serve.

        Raises:
            ConfigError: somebody else has come to listen there.
        """
        if self._door is not None:
            _listen(self.spec, self._door)
        self._go.set()

    async def stop(self, *, hurry: bool = False) -> None:
        """Stop all its processes, also those just being replaced, and wait for their end."""
        self._stopping = True
        await self._end(*self._living, hurry=hurry)

    async def restart(self) -> None:
        """Replace its processes, one by one.

        With ``overlap`` a new one serves before the old one is asked to stop.

        Raises:
            RestartFailed: a new process did not get ready.
        """
        async with self._changing:
            await self._renew()

    async def _renew(self) -> None:
        # Who asks for new processes has mended something: the past counts no more.
        self._book.at = ()
        for place, old in enumerate(list(self._slots)):
            await (self._overlap if self.spec.overlap else self._replace)(place, old)

    async def change(self, spec: DaemonSpec, door: socket.socket | None, *, anew: bool) -> None:
        """Run by *spec* from now on.

        Args:
            spec: the new one; processes more or less are started or stopped.
            door: a bound socket in place of the present one, or None to keep that.
            anew: also replace the processes that live.

        Raises:
            RestartFailed: a new process did not get ready.
        """
        async with self._changing:
            self.spec = spec
            if door is not None:
                old_door, self._door = self._door, door
                _listen(self.spec, door)
                if old_door is not None:
                    old_door.close()
            surplus, self._slots = self._slots[spec.processes :], self._slots[: spec.processes]
            await self._end(*surplus)
            for slot in self._slots:
                slot.spec = spec
            if anew:
                await self._renew()
            while len(self._slots) < spec.processes:
                self._slots.append(self._make_slot())
            await self._site.until(lambda: self.settled)

    async def _end(self, *slots: Slot, hurry: bool = False) -> None:
        for slot in slots:
            slot.ask_to_stop(hurry=hurry)
        for slot in slots:
            await slot.ended.wait()

    async def _overlap(self, place: int, old: Slot) -> None:
        new = self._make_slot(restarts=old.restarts + 1)
        try:
            await self._site.until(lambda: new.serving or new.failed_once)
        finally:
            if not new.serving:
                new.ask_to_stop()
        if not new.serving:
            raise RestartFailed(_why(self.spec.name, new) + "; the old process goes on")
        self._slots[place] = new
        await self._end(old)

    async def _replace(self, place: int, old: Slot) -> None:
        await self._end(old)
        new = self._slots[place] = self._make_slot(restarts=old.restarts + 1)
        await self._site.until(lambda: new.serving or new.failed_once)
        if not new.serving:
            raise RestartFailed(_why(self.spec.name, new) + "; it is tried again")

    def _make_slot(self, restarts: int = 0) -> Slot:
        fds = [self._door.fileno()] if self._door is not None else []
        slot = Slot(self._site, self.spec, fds, self._go, self._book, restarts)
        if self._stopping:
            slot.ask_to_stop()
        self._living.add(slot)
        self._nursery.start_soon(self._run, slot)
        return slot

    async def _run(self, slot: Slot) -> None:
        try:
            await slot.run()
        finally:
            self._living.discard(slot)


def _why(name: str, slot: Slot) -> str:
    if slot.last_ending is None:
        return f"{name} is being stopped"
    ending = slot.last_ending.as_json()
    how = ending["signal"] or f"exit code {ending['code']}"
    return f"a new process of {name} did not get ready: {ending['reason']} ({how})"


def _listen(spec: DaemonSpec, door: socket.socket) -> None:
    """Let *door* take connections."""
    try:
        door.listen(_BACKLOG)
    except OSError as exc:
        raise ConfigError(f"[{spec.name}] listen: {spec.listen}: {exc.strerror}") from exc


def bind_door(spec: DaemonSpec) -> socket.socket | None:
    """Bind the socket of *spec*, not listening yet, or return None if it has none.

    Raises:
        ConfigError: the address can't be used.
    """
    if not spec.listen:
        return None
    host, port = Address.parse(spec.listen)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise ConfigError(f"[{spec.name}] listen: {spec.listen}: {exc.strerror}") from exc
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError as exc:
        door.close()
        raise ConfigError(f"[{spec.name}] listen: {spec.listen}: {exc.strerror}") from exc
    return door
