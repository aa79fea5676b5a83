"""The supervisor: starts the store, the gateway, the worker and the API, and keeps them up.

Theory of operation.

*Start.* All processes are spawned at once and load their code side by side, each behind a gate. The
gates open in order: the store's, and when it answers the gateway's, the worker's, the API's. The
listening sockets are ours and start to listen when their daemon's gate opens. A daemon that can't
get ready does not hold up the rest for ever: once its limit is reached the next one has its turn.

*Run.* Each process sits in a `Slot`, which starts it again when it dies (`policy`), when its loop
falls silent (watchdog), or when it does not get ready. A store that is away restarts nobody: only a
process's own death and silence count.

*Stop.* In reverse: API, worker, gateway, store; each gets SIGTERM, its time to drain, and then
SIGKILL with all that it started. A second signal shortens the time. Whatever ends this process
short of SIGKILL, the last thing that happens is that nothing of ours is left running.

*Killed.* If this process gets SIGKILL, the daemons see the lifeline end and stop within 5 s; the
next supervisor finds in the lock file what is left and ends it.

Two nurseries carry this: a shielded one holds the slots and the sockets, so that a cancellation
from outside reaches only the task that decides, which then still stops everything in order.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import trio

from daemons.config import EXIT_CONFIG, Config
from daemons.logs import configure_logs, log
from daemons.service import EXIT_ASKED, Service, run_service
from daemons.supervisor.commands import Commands
from daemons.supervisor.control import serve_control
from daemons.supervisor.daemon import Daemon, bind_door
from daemons.supervisor.lock import Lock, hold_lock
from daemons.supervisor.log_files import rotation_of
from daemons.supervisor.merged_log import MergedLog
from daemons.supervisor.notify import open_mailbox
from daemons.supervisor.orphans import adopt_orphans, bury_orphans, reap_orphans
from daemons.supervisor.plan import DaemonSpec, plan_daemons
from daemons.supervisor.site import Site
from daemons.supervisor.store import check_address

EXIT_ESCALATED = 70


def run(config: Config, *, ready_fd: int | None = None) -> int:
    """Run everything that *config* asks for and return the exit code.

    Raises:
        AlreadyRunning: another supervisor has this control socket.
        ConfigError: an address can't be used, or the like.
    """
    config.problem_dirs()
    return supervise(config, plan_daemons(config), ready_fd=ready_fd)


def supervise(config: Config, specs: list[DaemonSpec], *, ready_fd: int | None = None) -> int:
    """Run *specs*, in this order, until asked to stop; return the exit code."""
    merged = MergedLog(rotation=rotation_of(config))
    configure_logs("supervisor", sink=merged.sink("supervisor"))
    control = config.path(config.supervisor.control)
    mark = secrets.token_hex(8)
    try:
        control.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise config.unwritable("[supervisor] control", control.parent, exc) from exc
    with (
        closing(merged),
        hold_lock(control.with_suffix(".lock"), mark) as lock,
        ExitStack() as doors,
    ):
        supervisor = Supervisor(config, specs, merged, ready_fd)
        supervisor.bind(doors)
        code = run_service(
            "supervisor",
            partial(supervisor.main, lock=lock, mark=mark),
            drain_s=sum(spec.stop_s for spec in specs) + 5.0,
            log_sink=merged.sink("supervisor"),
        )
        return code or supervisor.code


class Supervisor:
    """One run of *specs*.

    Args:
        config: the configuration.
        specs: the daemons, in start order.
        merged: takes all log lines.
        ready_fd: gets one line when all daemons are ready, and is closed.
    """

    def __init__(
        self, config: Config, specs: list[DaemonSpec], merged: MergedLog, ready_fd: int | None
    ) -> None:
        self.code = EXIT_ASKED
        self._config = config
        self._specs = specs
        self._control = config.path(config.supervisor.control)
        self._log = merged
        self._ready_fd = ready_fd
        self._doors = ExitStack()
        self._bound: dict[str, socket.socket] = {}
        self._daemons: list[Daemon] = []

    def bind(self, doors: ExitStack) -> None:
        """Bind all addresses; *doors* closes them.

        Raises:
            ConfigError: one can't be used.
        """
        self._doors = doors
        if any(spec.name == "store" for spec in self._specs):
            check_address(self._config)
        for spec in self._specs:
            if (door := bind_door(spec)) is not None:
                self._bound[spec.name] = doors.enter_context(door)

    async def main(self, service: Service, *, lock: Lock, mark: str) -> None:
        """Start, watch and stop everything."""
        adopt_orphans()
        with _lifeline() as lifeline, open_mailbox(self._control.with_suffix(".notify")) as mailbox:
            site = Site(mark, mailbox, self._log, lock, lifeline)
            async with trio.open_nursery() as outer:
                ground = await outer.start(_open_shielded)
                try:
                    self._start_attendants(site, service, ground)
                    await self._serve(site, service, ground)
                    await self._stop_all()
                finally:
                    with trio.CancelScope(shield=True):
                        await self._stop_all(hurry=True)
                        await bury_orphans(mark)
                    ground.cancel_scope.cancel(reason="all daemons have stopped")

    def _start_attendants(self, site: Site, service: Service, ground: trio.Nursery) -> None:
        ground.start_soon(site.hear_notices)
        ground.start_soon(_watch_children, site, service)
        stop_s = sum(spec.stop_s for spec in self._specs)
        stop = partial(service.stop, "gavel stop", stop_s)
        commands = Commands(self._config, self._daemons, self._doors, self._log, stop)
        ground.start_soon(serve_control, self._control, commands.handle)
        ground.start_soon(_touch_when_stopping, site, service)

    async def _serve(self, site: Site, service: Service, ground: trio.Nursery) -> None:
        """Start all daemons in order and wait until it is time to stop."""
        self._daemons += [
            Daemon(site, spec, ground, self._bound.get(spec.name)) for spec in self._specs
        ]
        for daemon in self._daemons:
            daemon.let_go()
            await site.until(lambda daemon=daemon: daemon.settled or self._ending(site, service))  # type: ignore[misc]
            if daemon.failed:
                log.critical("configuration refused", name=daemon.spec.name)
                self.code = EXIT_CONFIG
                return
        if self._waiting() and not self._ending(site, service):
            # systemd would kill all for a store that is away, or for one daemon that can't start.
            service.up("up, but not ready; see `gavel status`")
            log.warning("up, but not ready", waiting=self._waiting())
        await site.until(lambda: self._ending(site, service) or not self._waiting())
        if not self._ending(site, service):
            self._announce(service)
        await site.until(lambda: self._ending(site, service))

    def _waiting(self) -> list[str]:
        return [daemon.spec.name for daemon in self._daemons if not daemon.ready]

    def _ending(self, site: Site, service: Service) -> bool:
        if site.escalated.is_set():
            self.code = EXIT_ESCALATED
        return service.stopping.is_set() or site.escalated.is_set()

    async def _stop_all(self, *, hurry: bool = False) -> None:
        for daemon in reversed(self._daemons):
            await daemon.stop(hurry=hurry)

    def _announce(self, service: Service) -> None:
        """Tell people and programs that everything is ready, and where."""
        line = " ".join(f"{what}={where}" for what, where in self._addresses().items())
        service.ready(line)
        if self._ready_fd is not None:
            os.write(self._ready_fd, f"ready {line}\n".encode())
            os.close(self._ready_fd)
            self._ready_fd = None

    def _addresses(self) -> dict[str, str]:
        schemes = {"api": "http://{}/", "gateway": "ws://{}/", "store": "redis://{}/"}
        found = {
            daemon.spec.name: schemes.get(daemon.spec.name, "{}").format(daemon.address)
            for daemon in reversed(self._daemons)
            if daemon.address
        }
        if any(spec.name == "store" for spec in self._specs):
            # Without an address it is reached by its socket alone.
            found.setdefault("store", self._config.store_url())
        return found


async def _open_shielded(
    *, task_status: trio.TaskStatus[trio.Nursery] = trio.TASK_STATUS_IGNORED
) -> None:
    """Hand out a nursery that only its own scope cancels."""
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await trio.sleep_forever()


async def _touch_when_stopping(site: Site, service: Service) -> None:
    await service.stopping.wait()
    site.touch()


async def _watch_children(site: Site, service: Service) -> None:
    """Reap orphans of daemons; a terminal that hangs up stops everything."""
    with trio.open_signal_receiver(signal.SIGCHLD, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                service.stop("SIGHUP", 60.0)
            reap_orphans(site.pids)


@contextmanager
def _lifeline() -> Iterator[int]:
    """Yield the end for children of a pipe whose other end lives exactly as long as we do."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)
