"""The files in `docs/deploy` work: under systemd's protocols, under supervisord, as written down."""

from __future__ import annotations

import configparser
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2 as httpx
import pytest
import yaml

from daemons.cli.main import COMMANDS
from daemons.config import load_config
from tests.system.conftest import ROOT, WAIT_S, is_alive, reference, see, submission

DEPLOY = ROOT / "docs/deploy"
UNITS = DEPLOY / "systemd"
#: Starts a program as systemd does a unit's: its sockets at 3 and up, and told that they are for it.
ACTIVATE = """
import os, sys
fds, argv = sys.argv[1].split(), sys.argv[2:]
for place, fd in enumerate(fds, 3):
    os.dup2(int(fd), place)
if fds:
    os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
os.execv(argv[0], argv)
"""


def here(text: str, folder: Path) -> str:
    """Return *text* with the places of an installation replaced by those of this test.

    Links in *folder* lead there, for our own path may have spaces, which the formats want quoted.
    """
    for name, place in (("opt", ROOT), ("venv", Path(sys.prefix))):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(place)
    for told, found in (
        ("/opt/gavel/.venv/bin/gavel", str(folder / "venv/bin/gavel")),
        ("/opt/gavel", str(folder / "opt")),
        ("/etc/gavel", str(folder)),
        ("/var/lib/gavel", str(folder / "lib")),
        ("/var/log/gavel", str(folder)),
        ("/run/gavel", str(folder)),
    ):
        text = text.replace(told, found)
    return text


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with the configuration of an installation, on free ports."""
    with tempfile.TemporaryDirectory(prefix="gavel-deploy-") as name:
        text = (DEPLOY / "supervisor.toml").read_text()
        text = text.replace("[store]\n", '[store]\nlisten = ""\n')
        text += '[worker]\nslots = 1\n[api]\nlisten = "127.0.0.1:0"\n[gateway]\nlisten = "127.0.0.1:0"\n'
        Path(name, "supervisor.toml").write_text(here(text, Path(name)))
        yield Path(name)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Unit:
    """A unit file, and the process that it stands for: a small part of what systemd does."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self.service = read_unit(f"{name}.service", folder)["Service"]
        self._sockets: list[socket.socket] = []
        if (UNITS / f"{name}.socket").exists():
            backlog = int(read_unit(f"{name}.socket", folder)["Socket"]["Backlog"])
            self._sockets.append(socket.create_server(("127.0.0.1", 0), backlog=backlog))
        self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.inbox.settimeout(WAIT_S)
        self.inbox.bind(str(folder / f"{name}.notify"))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it is reached."""
        found: tuple[str, int] = self._sockets[0].getsockname()
        return found

    @property
    def log(self) -> str:
        """What its processes have written."""
        return (self._folder / f"{self.name}.log").read_text()

    def start(self) -> None:
        """Start its process."""
        fds = [door.fileno() for door in self._sockets]
        activate = [sys.executable, "-I", "-S", "-c", ACTIVATE, " ".join(map(str, fds))]
        environment = dict(os.environ)
        if self.service["Type"] == "notify":
            environment["NOTIFY_SOCKET"] = str(self._folder / f"{self.name}.notify")
            environment["WATCHDOG_USEC"] = str(int(self.service["WatchdogSec"]) * 1_000_000)
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*activate, *shlex.split(self.service["ExecStart"])],
                env=environment, pass_fds=fds, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def hear(self, wanted: str) -> None:
        """Read what it tells until *wanted* is among it."""
        while wanted not in self.inbox.recv(4096).decode().split("\n"):
            pass

    def stop(self) -> int:
        """Stop it as its unit says and return the exit code."""
        assert self.process is not None
        # Ten words fit in; what nobody has read must not keep the last one out.
        while select.select([self.inbox], [], [], 0)[0]:
            self.inbox.recv(4096)
        self.process.terminate()
        return self.process.wait(float(self.service["TimeoutStopSec"]))

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for each in (*self._sockets, self.inbox):
            each.close()


def read_unit(name: str, folder: Path) -> configparser.ConfigParser:
    """Return a unit file, with the places of this test."""
    path = next(
        path for path in (UNITS / name, UNITS / re.sub(r"@\w+", "@", name)) if path.exists()
    )
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(here(path.read_text(), folder))
    return parser


def test_units_pass_systemds_own_check(tmp_path: Path) -> None:
    """`systemd-analyze verify` knows every key and value, and finds what is started."""
    assert shutil.which("systemd-analyze"), "install it with: apt-get install systemd"
    for path in UNITS.iterdir():
        (tmp_path / path.name).write_text(here(path.read_text(), tmp_path))

    def verify() -> str:
        names = ["gavel.service", "gavel.target", "gavel-worker@1.service"]
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)],
            capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
        return done.stderr

    assert verify() == ""
    broken = tmp_path / "gavel-api.service"
    broken.write_text(broken.read_text().replace("WatchdogSec=", "WatchDogs="))
    assert "'WatchDogs'" in verify()


def test_daemons_work_as_their_units_say(folder: Path) -> None:
    """Started in the wrong order, with passed sockets, told and watched, stopped by SIGTERM: all well.

    A request that comes while the API is down waits at systemd's door for the next one.
    """
    good = submission(reference("two-sum", "accepted", ".py"))
    with ExitStack() as stack:
        names = ("gavel-api", "gavel-gateway", "gavel-worker@1", "gavel-store")
        units = {name: Unit(name, folder) for name in names}
        for unit in units.values():
            stack.callback(unit.close)
        api, gateway, worker, store = units.values()
        for unit in (api, gateway, worker):
            unit.start()
        for unit in (api, gateway, worker):
            unit.hear("READY=1")
        with httpx.Client(base_url="http://{}:{}".format(*api.address), timeout=WAIT_S) as http:
            assert http.post("/submissions", json=good).status_code == 503
            store.start()
            wait_for(lambda: http.get("/readyz").status_code == 200, "the store")
            assert http.post("/submissions?wait=60", json=good).json()["verdict"] == "accepted"
        api.hear("WATCHDOG=1")

        assert api.stop() == 0
        api.hear("STOPPING=1")
        with socket.create_connection(api.address, timeout=WAIT_S) as early:
            early.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            api.start()
            assert early.makefile("rb").readline() == b"HTTP/1.1 200 \r\n"
        with socket.create_connection(gateway.address, timeout=WAIT_S) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(64).startswith(b"HTTP/1.1 4")

        assert [unit.stop() for unit in (api, gateway, worker, store)] == [0, 0, 0, 0], worker.log


def test_supervisord_runs_the_daemons(folder: Path) -> None:
    """The real supervisord starts, restarts and stops them; nothing is left."""
    conf = folder / "supervisord.conf"
    conf.write_text(here((DEPLOY / "supervisord.conf").read_text(), folder))
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [Path(sys.prefix, "bin/supervisord"), "--nodaemon", "-c", conf],
            stdout=out, stderr=out, env=os.environ | {"GAVEL_LOG": "json"},
        )  # fmt: skip

    def ctl(*arguments: str) -> str:
        command = [Path(sys.prefix, "bin/supervisorctl"), "-c", conf, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
        return done.stdout

    def log(name: str) -> str:
        return path.read_text() if (path := folder / f"{name}.log").exists() else ""

    def ready(name: str) -> int:
        return log(name).count('"event": "ready"')

    try:
        wait_for(lambda: ready("api") and ready("worker"), "all up")
        (address,) = re.findall(r"problems on (http://[\d.:]+)", log("api"))
        good = submission(reference("two-sum", "accepted", ".py"))
        with httpx.Client(base_url=address, timeout=WAIT_S) as http:
            assert http.post("/submissions?wait=60", json=good).json()["verdict"] == "accepted"
            worker = int(ctl("pid", "worker"))
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: ready("worker") == 2, "a second worker")
            assert http.post("/submissions?wait=60", json=good).json()["verdict"] == "accepted"
        there = [see(int(ctl("pid", name))) for name in ("store", "gateway", "worker", "api")]
        assert worker not in {each.pid for each in there}
        # It calls running what has lived for a second.
        wait_for(lambda: ctl("status").count("RUNNING") == 4, "all called running")
        process.terminate()
        assert process.wait(WAIT_S) == 0
        assert not any(map(is_alive, there))
        assert "exit status" not in log("supervisord").partition("waiting for")[2].replace(
            "exit status 0", ""
        )
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(WAIT_S)
        finally:
            process.kill()


def test_containers_name_what_there_is() -> None:
    """Nobody built the image here; at least its files, commands and configuration are real."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        assert service["command"] == ["gavel", name]
        assert name in COMMANDS
        context = (DEPLOY / service["build"]["context"]).resolve()
        assert (context / service["build"]["dockerfile"]).is_file()
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
    copied = re.findall(r"^COPY (.*) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert all((ROOT / path).exists() for line in copied for path in line.split())
    for name in ("container.toml", "supervisor.toml"):
        assert load_config(DEPLOY / name).store.dir == "/var/lib/gavel/store"
