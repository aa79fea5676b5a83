"""One life cycle for every daemon, seen from outside: signals, datagrams, descriptors, exit codes."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemons.service import Notifier

PROGRAM = str(Path(__file__).parent / "supervisor/programs/daemon.py")
WAIT_S = 120.0


class Starter:
    """A starter as systemd is one: it passes sockets and listens to what the daemon tells."""

    def __init__(self, folder: Path) -> None:
        self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.inbox.settimeout(WAIT_S)
        self.inbox.bind(str(folder / "notify"))
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify"), "GAVEL_LOG": "json"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self, mode: str, *arguments: str, before: str = "", fds: tuple[int, ...] = ()
    ) -> None:
        """Start the program in *mode*; the Python code *before* runs first, in the same process."""
        prelude = f"import os, sys; {before}; os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, PROGRAM, mode, *arguments]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", prelude, *command] if before else command,
            env={**os.environ, **self.environment},
            stderr=subprocess.PIPE,
            pass_fds=fds,
        )

    def hear(self) -> dict[str, str]:
        """Return the next message of the daemon."""
        text = self.inbox.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.split("\n"))

    def hear_ready(self) -> None:
        """Wait until the daemon says that it is ready."""
        while self.hear().get("READY") != "1":
            pass

    @property
    def lives(self) -> bool:
        """Whether the daemon has not ended yet."""
        assert self._process is not None
        return self._process.poll() is None

    def fill_inbox(self) -> None:
        """Send messages until no more fit."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            sender.connect(self.environment["NOTIFY_SOCKET"])
            with suppress(BlockingIOError):
                while True:
                    sender.send(b"N=0")

    def empty_inbox(self) -> list[bytes]:
        """Return all messages that have come."""
        messages = []
        self.inbox.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                messages.append(self.inbox.recv(4096))
        self.inbox.settimeout(WAIT_S)
        return messages

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit code and the log."""
        assert self._process is not None
        _, log = self._process.communicate(timeout=WAIT_S)
        return self._process.returncode, [json.loads(line) for line in log.splitlines()]

    def end(self) -> None:
        """Leave nothing behind."""
        self.inbox.close()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    """Give a starter whose daemon does not outlive the test."""
    made = Starter(tmp_path)
    try:
        yield made
    finally:
        made.end()


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Give a socket that listens on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door


def pass_socket(fd: int, pid: str) -> str:
    """Return code that puts *fd* where LISTEN_FDS promises it, for the process *pid*."""
    return f"os.dup2({fd}, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str({pid}))"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_service_stops_on_the_first_signal(starter: Starter, number: signal.Signals) -> None:
    """The first signal is told to the starter, ends the daemon in order, and is no failure."""
    starter.start("good")

    assert starter.hear() == {"READY": "1", "STATUS": "serving"}
    starter.signal(number)

    assert starter.hear() == {"STOPPING": "1", "STATUS": f"stopping: {number.name}"}
    code, log = starter.wait()
    assert code == 0
    assert [line["event"] for line in log] == ["ready", "stopping"]


def test_service_cancels_on_the_second_signal(starter: Starter) -> None:
    """A second signal cancels what the first one left running."""
    starter.start("deaf_to_stopping")
    starter.hear_ready()

    starter.signal(signal.SIGTERM)
    assert starter.hear()["STOPPING"] == "1"
    starter.signal(signal.SIGTERM)

    code, log = starter.wait()
    assert code == 0
    assert log[-1]["event"] == "stopped before all was done"


def test_service_cancels_when_the_drain_is_over(starter: Starter) -> None:
    """What has not stopped after its time to drain is cancelled."""
    starter.environment["DRAIN_S"] = "0.2"
    starter.start("deaf_to_stopping")
    starter.hear_ready()

    starter.signal(signal.SIGTERM)

    code, log = starter.wait()
    assert code == 0
    assert log[-1]["event"] == "stopped before all was done"


def test_service_is_not_killed_by_late_signals(starter: Starter) -> None:
    """However many signals come, and however late, an asked end is exit code 0."""
    starter.start("good")
    starter.hear_ready()

    while starter.lives:
        starter.signal(signal.SIGTERM)
        # Without a pause a handler is interrupted by the next one before it has begun, until
        # CPython's recursion limit ends the process: no starter signals a thousand times a second.
        time.sleep(0.001)

    code, _ = starter.wait()
    assert code == 0


def test_service_logs_a_crash_whole(starter: Starter) -> None:
    """A crash is exit code 1 and a log event with every exception of the group."""
    starter.start("crash_twice")

    code, log = starter.wait()

    assert code == 1
    assert log[-1]["event"] == "crashed"
    assert "ValueError: first" in log[-1]["exception"]
    assert "OSError: second" in log[-1]["exception"]


@pytest.mark.parametrize("mode", ["misconfigured", "misconfigured_deep"])
def test_service_tells_a_wrong_configuration_apart(starter: Starter, mode: str) -> None:
    """A configuration error, alone or alone in its groups, is exit code 78."""
    starter.start(mode)

    code, log = starter.wait()

    assert code == 78
    assert log[-1]["event"] == "configuration"
    assert "tokens: no such file" in json.dumps(log[-1])


def test_service_takes_sockets_meant_for_it(starter: Starter) -> None:
    """Sockets of LISTEN_FDS are served when LISTEN_PID is this process."""
    with listening() as door:
        fd = door.fileno()
        starter.start("good", before=pass_socket(fd, "os.getpid()"), fds=(fd,))
        starter.hear_ready()

        with socket.create_connection(door.getsockname(), timeout=WAIT_S) as client:
            assert int(client.makefile().readline()) > 0


def test_service_leaves_sockets_meant_for_another(starter: Starter) -> None:
    """Sockets of LISTEN_FDS are left alone when LISTEN_PID names another process."""
    with listening() as door:
        fd = door.fileno()
        starter.start("good", before=pass_socket(fd, "1"), fds=(fd,))
        starter.hear_ready()

        with socket.create_connection(door.getsockname(), timeout=WAIT_S) as client:
            readable, _, _ = select.select([client], [], [], 0)
            assert not readable
        starter.signal(signal.SIGTERM)
        assert starter.wait()[0] == 0


def test_notifier_drops_signs_of_life_but_not_readiness(starter: Starter) -> None:
    """When the starter reads late, a message sent with patience arrives; another may be lost."""
    notifier = Notifier(starter.environment["NOTIFY_SOCKET"])
    starter.fill_inbox()
    notifier.send("READY=1")
    assert starter.empty_inbox()[-1] == b"N=0"

    starter.fill_inbox()
    patient = threading.Thread(target=partial(notifier.send, "READY=1", patience_s=WAIT_S))
    patient.start()
    patient.join(0.2)
    assert patient.is_alive()
    starter.hear_ready()
    patient.join(WAIT_S)
    notifier.close()


def test_service_feeds_the_watchdog(starter: Starter) -> None:
    """With WATCHDOG_USEC the loop tells again and again that it turns."""
    starter.environment["WATCHDOG_USEC"] = "20000"
    starter.start("good")
    starter.hear_ready()

    assert [starter.hear() for _ in range(3)] == [{"WATCHDOG": "1"}] * 3


def test_service_feeds_no_watchdog_of_another(starter: Starter) -> None:
    """A watchdog whose WATCHDOG_PID is another process is not fed."""
    starter.environment |= {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}
    starter.start("good")
    starter.hear_ready()

    starter.signal(signal.SIGTERM)

    assert "STOPPING" in starter.hear()


def test_service_speaks_to_an_abstract_address(starter: Starter) -> None:
    """NOTIFY_SOCKET may be an address outside the file system, written with @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.settimeout(WAIT_S)
        inbox.bind(b"")
        name = inbox.getsockname()
        starter.environment["NOTIFY_SOCKET"] = "@" + name[1:].decode()
        starter.start("good")

        assert b"READY=1" in inbox.recv(4096)


def test_service_stops_when_its_supervisor_is_gone(starter: Starter) -> None:
    """The end of the lifeline ends the daemon as a signal does."""
    theirs, ours = os.pipe()
    starter.environment["GAVEL_LIFELINE_FD"] = str(theirs)
    starter.start("good", fds=(theirs,))
    os.close(theirs)
    starter.hear_ready()

    os.close(ours)

    code, log = starter.wait()
    assert code == 0
    assert log[-1]["reason"] == "the supervisor is gone"
    assert log[-1]["within_s"] == 5.0


def test_service_waits_at_its_gate(starter: Starter) -> None:
    """A daemon behind a gate does nothing before it is opened."""
    gate, opener = os.pipe()
    starter.environment["GAVEL_GATE_FD"] = str(gate)
    starter.start("good", fds=(gate,))
    os.close(gate)
    starter.inbox.settimeout(0.5)
    with pytest.raises(TimeoutError):
        starter.hear()

    os.write(opener, b"g")
    os.close(opener)

    starter.inbox.settimeout(WAIT_S)
    starter.hear_ready()


def test_service_ends_at_a_gate_that_nobody_will_open(starter: Starter) -> None:
    """When the supervisor goes before it opened the gate, the daemon ends without having begun."""
    gate, opener = os.pipe()
    starter.environment["GAVEL_GATE_FD"] = str(gate)
    starter.start("good", fds=(gate,))
    os.close(gate)

    os.close(opener)

    assert starter.wait() == (0, [])


def test_service_hides_what_was_meant_for_it(starter: Starter) -> None:
    """What a daemon starts sees none of the starter's variables and inherits no descriptor."""
    theirs, ours = os.pipe()
    starter.environment |= {"GAVEL_LIFELINE_FD": str(theirs), "WATCHDOG_USEC": "1000000"}
    starter.start("show_child", fds=(theirs,))
    os.close(theirs)

    while "STATUS" not in (heard := starter.hear()):
        pass
    shown = json.loads(heard["STATUS"])
    os.close(ours)

    assert shown == {"variables": [], "descriptors": [0, 1, 2]}
