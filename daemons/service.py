"""One life cycle for every daemon: signals, readiness, watchdog, two-phase stop, exit codes.

Theory of operation. `run_service` is the whole process: it takes what the starter passed (sockets,
the notification address, the lifeline), opens the signal receiver for the life of the loop, and
runs the daemon's `main(service)` beside three small attendants:

* *signals*: the first SIGTERM or SIGINT sets `Service.stopping` and a deadline of `drain_s`; the
  second cancels `main` at once;
* *lifeline*: the read end of a pipe whose other end only the supervisor holds. Its end means that
  the supervisor is gone, and the daemon stops as on SIGTERM but within `LIFELINE_S`;
* *watchdog*: tells the supervisor twice per period that this loop still turns. It is a task of the
  loop and nothing else, so a blocked loop falls silent;
* *need*: tells when the connection that the daemon can't do without, to the store, comes and goes.

`main` ends the process by returning. The protocols are systemd's (``LISTEN_FDS``,
``NOTIFY_SOCKET``, ``WATCHDOG_USEC``), so the same daemon runs under our supervisor, under systemd,
or alone.

Exit codes: 0 asked to stop (or nothing left to do), 1 crash, 78 the configuration is wrong.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import trio

from daemons.config import EXIT_CONFIG, ConfigError
from daemons.logs import LineSink, configure_logs, log

EXIT_ASKED = 0
EXIT_CRASH = 1

#: How long a daemon may take to end once its supervisor is gone; a new one may be starting already.
LIFELINE_S = 5.0
#: The first descriptor that LISTEN_FDS speaks of (sd_listen_fds(3)).
_LISTEN_FDS_START = 3
#: Our own field beside sd_notify's: 0 while a daemon that is up lacks something, such as the store.
CAN_SERVE = "X_GAVEL_CAN_SERVE"
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Notifier:
    """Tells the starter of this process how it fares: datagrams as in sd_notify(3).

    Args:
        address: ``NOTIFY_SOCKET``: a path, or ``@name`` for one outside the file system.
    """

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect("\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            self._socket.close()
            raise

    def send(self, text: str, *, patience_s: float = 0.0) -> None:
        """Send *text*; a starter that is gone, or reads nothing for *patience_s*, is let be."""
        if patience_s:
            select.select([], [self._socket], [], patience_s)
        try:
            self._socket.send(text.encode())
        except (BlockingIOError, ConnectionError, FileNotFoundError):
            log.debug("starter not told", text=text)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Link(Protocol):
    """A connection that comes and goes, such as the one to the store."""

    @property
    def connected(self) -> bool:
        """Whether it is there now."""

    async def wait_change(self) -> None:
        """Wait until it comes or goes."""


class Service:
    """What a daemon's `main` sees of its own life: when to stop, and whom to tell that it is ready.

    Args:
        name: the daemon's name.
        sockets: listening sockets that the starter bound; empty when the daemon must bind its own.
        notifier: whom to tell; None when nobody asked.
    """

    def __init__(
        self,
        name: str,
        *,
        sockets: list[socket.socket] | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self.name = name
        self.sockets: list[socket.socket] = sockets or []
        #: Set by the first signal or the loss of the supervisor: take no new work, finish the rest.
        self.stopping = trio.Event()
        self._notifier = notifier
        self._scope = trio.CancelScope()
        self._status = ""
        self._impaired: bool | None = None
        self._need: tuple[str, Link] | None = None
        self._needing = trio.Event()

    def ready(self, status: str = "") -> None:
        """Tell that the daemon serves; *status* is one line for people."""
        self.up(status)
        log.info("ready", **({"status": status} if status else {}))

    def up(self, status: str = "") -> None:
        """Tell the starter alone: all has been started, be it that something is still missing."""
        self._status = status
        self._tell("READY=1", status)

    @property
    def stop_by(self) -> float:
        """When `main` will be cancelled, by Trio's clock; infinite until there is a stop."""
        return self._scope.deadline

    def status(self, text: str) -> None:
        """Tell in one line what the daemon does now."""
        self._tell("", text)

    def needs(self, name: str, link: Link) -> None:
        """Count as ready only while *link* is connected; say it before `ready`.

        The starter hears of each change at once, and again with each sign of life, since a message
        may be lost.

        Args:
            name: what is at the other end, for people.
            link: the connection; one per daemon can be named.
        """
        self._need = (name, link)
        self._impaired = not link.connected
        self._needing.set()

    def stop(self, reason: str, within_s: float) -> None:
        """Set `stopping`, and cancel `main` if it has not returned *within_s* seconds from now.

        Called again it only ever brings the end nearer.
        """
        if not self.stopping.is_set():
            log.info("stopping", reason=reason, within_s=within_s)
            self._tell("STOPPING=1", f"stopping: {reason}")
            self.stopping.set()
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + within_s)

    def _tell(self, state: str, status: str) -> None:
        if self._notifier is not None:
            lines = [state] if state else []
            if status:
                lines.append("STATUS=" + status.replace("\n", " "))
            if self._impaired is not None:
                lines.append(f"{CAN_SERVE}={int(not self._impaired)}")
            # A sign of life may be lost, another follows; that it is ready is said once.
            patience_s = 1.0 if state == "READY=1" else 0.0
            self._notifier.send("\n".join(lines), patience_s=patience_s)

    async def _follow_need(self) -> None:
        """Tell whenever what this daemon needs comes or goes, for ever."""
        await self._needing.wait()
        assert self._need is not None
        name, link = self._need
        told = False  # `ready` told the starter whether it is there, not people
        while True:
            self._impaired = not link.connected
            if self._impaired != told:
                told = self._impaired
                self._tell("", f"not ready: {name} is away" if told else self._status)
            await link.wait_change()

    async def _run(self, main: Callable[[Service], Awaitable[None]]) -> None:
        with self._scope:
            await main(self)
        if self._scope.cancelled_caught:
            log.warning("stopped before all was done")


def run_service(
    name: str,
    main: Callable[[Service], Awaitable[None]],
    *,
    drain_s: float,
    log_sink: LineSink | None = None,
) -> int:
    """Run *main* as this process's one purpose and return the exit code.

    Args:
        name: the daemon's name, for logs.
        main: gets the `Service`; returns when it is done, soon after `Service.stopping` is set.
        drain_s: how long after the first signal it is cancelled.
        log_sink: takes its log lines in place of stderr.
    """
    configure_logs(name, sink=log_sink)
    with _remembered_signals() as early:
        try:
            trio.run(_live, name, main, drain_s, early)
        except Exception as exc:  # noqa: BLE001 - the process's last boundary: logs it whole, returns 1
            return _report(exc)
    return EXIT_ASKED


def _report(exc: Exception) -> int:
    """Log what ended the daemon and return the exit code for it."""
    if isinstance(exc, ConfigError):
        log.error("configuration", error=str(exc))
        return EXIT_CONFIG
    if isinstance(exc, ExceptionGroup) and exc.split(ConfigError)[1] is None:
        log.error("configuration", error="; ".join(map(str, _leaves(exc))))
        return EXIT_CONFIG
    log.critical("crashed", error=repr(exc), exc_info=exc)
    return EXIT_CRASH


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for each in group.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from _leaves(each)
        else:
            yield each


def wait_at_gate() -> None:
    """Wait until it is this daemon's turn, if it was started behind a gate (``GAVEL_GATE_FD``).

    Call it when the code is loaded and before anything is done. The supervisor loads all daemons
    side by side and lets them go in order. A signal ends the process here as it does any other.

    Raises:
        SystemExit: the supervisor has gone.
    """
    gate = _take_descriptor("GAVEL_GATE_FD")
    if gate is not None:
        go = os.read(gate, 1)
        os.close(gate)
        if not go:
            raise SystemExit(EXIT_ASKED)


@contextmanager
def _remembered_signals() -> Iterator[list[int]]:
    """Keep signals that come just before or after Trio's receiver is open; do not die of them.

    Trio gives back the former handlers when its receiver closes and raises what it had not read.
    With the default action a SIGTERM in the last milliseconds would turn an orderly end into death
    by signal. At the very end they are ignored by the kernel: the interpreter, going down, sets
    back to the default whatever is handled by Python.
    """
    early: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        early.append(number)

    for number in _STOP_SIGNALS:
        signal.signal(number, remember)
    try:
        yield early
    finally:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)


async def _live(
    name: str,
    main: Callable[[Service], Awaitable[None]],
    drain_s: float,
    early: list[int],
) -> None:
    """Run *main* and its attendants."""
    with trio.open_signal_receiver(*_STOP_SIGNALS) as signals, _adopted(name) as adopted:
        service, lifeline, watchdog_s = adopted
        if early:
            service.stop(signal.Signals(early[0]).name, drain_s)
        async with trio.open_nursery() as attendants:
            attendants.start_soon(_watch_signals, service, signals, drain_s)
            if lifeline is not None:
                attendants.start_soon(_watch_lifeline, service, lifeline)
            if watchdog_s is not None:
                attendants.start_soon(_feed_watchdog, service, watchdog_s / 2)
            attendants.start_soon(service._follow_need)
            await service._run(main)
            attendants.cancel_scope.cancel(reason="the daemon's work has ended")


async def _watch_signals(service: Service, signals: AsyncIterator[int], drain_s: float) -> None:
    """Stop on the first signal, cancel on the second."""
    async for number in signals:
        if service.stopping.is_set():
            service._scope.cancel(reason=f"second signal: {signal.Signals(number).name}")
        service.stop(signal.Signals(number).name, drain_s)


async def _watch_lifeline(service: Service, fd: int) -> None:
    """Stop soon when the supervisor's end of the pipe closes."""
    # Not an FdStream: that would close the descriptor when cancelled, and this one is `_adopted`'s.
    await trio.lowlevel.wait_readable(fd)
    service.stop("the supervisor is gone", LIFELINE_S)


async def _feed_watchdog(service: Service, period_s: float) -> None:
    """Tell the starter every *period_s* that this loop turns."""
    while True:
        service._tell("WATCHDOG=1", "")
        await trio.sleep(period_s)


@contextmanager
def _adopted(name: str) -> Iterator[tuple[Service, int | None, float | None]]:
    """Take over what the starter passed in the environment, and give it back closed.

    Yields:
        The service, the lifeline's descriptor, and the watchdog's period in seconds.
    """
    sockets = _take_sockets()
    lifeline = _take_descriptor("GAVEL_LIFELINE_FD")
    watchdog_s = _take_watchdog()
    address = os.environ.pop("NOTIFY_SOCKET", "")
    notifier = Notifier(address) if address else None
    try:
        yield Service(name, sockets=sockets, notifier=notifier), lifeline, watchdog_s
    finally:
        for each in sockets:
            each.close()
        if notifier is not None:
            notifier.close()
        if lifeline is not None:
            os.close(lifeline)


def _take_sockets() -> list[socket.socket]:
    """Return the sockets of LISTEN_FDS, if they are meant for this process (sd_listen_fds(3))."""
    pid = os.environ.pop("LISTEN_PID", "")
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    fds = range(_LISTEN_FDS_START, _LISTEN_FDS_START + int(count))
    for fd in fds:
        os.set_inheritable(fd, False)
    return [socket.socket(fileno=fd) for fd in fds]


def _take_descriptor(variable: str) -> int | None:
    """Return the descriptor that *variable* names; what this process starts does not inherit it."""
    text = os.environ.pop(variable, "")
    if not text.isdecimal():
        return None
    os.set_inheritable(int(text), False)
    return int(text)


def _take_watchdog() -> float | None:
    """Return the watchdog's period in seconds, if it watches us (sd_watchdog_enabled(3))."""
    usec = os.environ.pop("WATCHDOG_USEC", "")
    pid = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
    if not usec.isdecimal() or pid != str(os.getpid()):
        return None
    return int(usec) / 1e6 or None
