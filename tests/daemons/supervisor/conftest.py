"""A real supervisor over small real daemons, driven as a person would: signals, control socket, log."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemons.supervisor.client import Client, NotRunning

PROGRAMS = Path(__file__).parent / "programs"
#: Bound for each wait; reached only when something is broken.
WAIT_S = 120.0


class Suite:
    """One run of the supervisor over *specs*, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = f"GAVEL_TEST={folder}".encode()
        self.config = folder / "supervisor.toml"
        self.config.write_text("[store]\nlisten = ''\n")
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._ready: int | None = None

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.folder / "var/supervisor.sock"

    def start(self, *specs: dict[str, Any], terminal: int | None = None) -> None:
        """Start the supervisor, on a *terminal* of its own if given; `wait_ready` waits for it."""
        listed = self.folder / "specs.json"
        listed.write_text(json.dumps(specs))
        self._ready, write = os.pipe()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # The terminal whose Ctrl-C reaches it.
                    *(["setsid", "--ctty"] if terminal is not None else []),
                    sys.executable,
                    str(PROGRAMS / "supervise.py"),
                    str(self.config),
                    str(listed),
                    str(write),
                ],
                stdin=terminal,
                stdout=log,
                stderr=log,
                pass_fds=[write],
            )
        os.close(write)

    def wait_ready(self) -> str:
        """Return the line of ``--ready-fd``."""
        assert self._ready is not None
        with os.fdopen(self._ready, "rb") as ready:
            readable, _, _ = select.select([ready], [], [], WAIT_S)
            assert readable, self.text
            line = ready.readline().decode().strip()
            assert line, self.text
            return line

    @property
    def text(self) -> str:
        """The log so far."""
        return self.log.read_text()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a command to the control socket."""
        with Client(self.control) as client:
            return client.ask(command, **arguments)

    def status(self, name: str) -> dict[str, Any]:
        """Return the status of the only process of daemon *name*."""
        (one,) = self.ask("status")["daemons"][name]["instances"]
        return one

    def wait_for(self, what: Callable[[], Any], describe: str) -> Any:
        """Look at *what* until it is true, and return it."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                if found := what():
                    return found
            except (NotRunning, FileNotFoundError):
                pass
            time.sleep(0.01)
        raise AssertionError(f"never came true: {describe}\n{self.text}")

    def wait_end(self) -> int:
        """Wait for the supervisor's end and return its exit code."""
        assert self.process is not None
        return self.process.wait(WAIT_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        assert self.process is not None
        self.process.send_signal(number)

    def processes(self) -> list[int]:
        """Return the processes that this suite started, wherever they are now.

        By environment, and by folder: Valkey writes its title over its environment.
        """
        found = []
        for entry in Path("/proc").iterdir():
            try:
                living = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
                ours = self._mark in (entry / "environ").read_bytes().split(b"\0")
                inside = str((entry / "cwd").readlink()).startswith(f"{self.folder}/")
                if living and (ours or inside):
                    found.append(int(entry.name))
            except (OSError, ValueError, IndexError):
                continue
        return found

    def end(self) -> None:
        """Kill what is left; a test that passed left nothing."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process is not None:
            self.process.wait(WAIT_S)


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    """Give a suite that is not started yet; nothing of it may outlive the test."""
    with tempfile.TemporaryDirectory(prefix="gavel-suite-") as folder:
        monkeypatch.setenv("GAVEL_TEST", folder)
        monkeypatch.setenv("GAVEL_LOG", "readable")
        made = Suite(Path(folder))
        try:
            yield made
        finally:
            made.end()


def spec(name: str, mode: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """Return the plan for a daemon that runs `programs/daemon.py` in *mode*."""
    command = [sys.executable, str(PROGRAMS / "daemon.py"), mode, *arguments]
    return {"name": name, "command": command, **more}


@pytest.fixture(name="spec")
def spec_fixture() -> Callable[..., dict[str, Any]]:
    """Give `spec`, since test modules don't import one another."""
    return spec
