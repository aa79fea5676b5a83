"""The API as its own process: ready, serving, stopped by a signal, wrong configuration."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, PATIENCE_S, write_problem

CONFIG = """\
[store]
url = "{url}"
[api]
listen = "{listen}"
"""


@contextmanager
def run_api(config: Path, notify: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `gavel api` and give the process and its address once it says that it is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(notify))
        ear.settimeout(PATIENCE_S)
        command = [sys.executable, "-m", "daemons.cli.main", "api", "--config", str(config)]
        process = subprocess.Popen(
            command, env={**os.environ, "NOTIFY_SOCKET": str(notify)}, stderr=subprocess.DEVNULL
        )
        try:
            said = ear.recv(4096).decode()
            assert said.startswith("READY=1\n")
            yield process, said.rsplit(" ", 1)[1]
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def config(store: StoreProcess) -> Path:
    """Give a configuration file of a store and one problem, on a port of the system's choice."""
    write_problem(store.folder)
    file = store.folder / "supervisor.toml"
    file.write_text(CONFIG.format(url=store.url, listen="127.0.0.1:0"))
    return file


def test_api_serves_until_it_is_told_to_stop(config: Path, store: StoreProcess) -> None:
    """`gavel api` alone says where it listens, takes submissions, and ends with 0 on SIGTERM."""
    with run_api(config, store.folder / "notify.sock") as (process, address):
        with httpx2.Client(base_url=address, timeout=PATIENCE_S, trust_env=False) as client:
            assert client.post("/submissions", json=GOOD).status_code == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_api_starts_without_a_store(config: Path, store: StoreProcess) -> None:
    """A store that is away keeps nobody from starting: the API says 503 until it is there."""
    store.kill()
    with run_api(config, store.folder / "notify.sock") as (_, address):
        answer = httpx2.post(
            f"{address}/submissions", json=GOOD, timeout=PATIENCE_S, trust_env=False
        )
        assert answer.status_code == 503


def test_api_names_a_wrong_configuration(config: Path) -> None:
    """A wrong key ends the process with 78 and a line that names it."""
    config.write_text("[api]\nlissen = 'x'\n")
    command = [sys.executable, "-m", "daemons.cli.main", "api", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 78
    assert b"lissen" in done.stderr


def test_api_names_a_taken_address(config: Path, store: StoreProcess) -> None:
    """A port that somebody else has ends the process with an error that names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        config.write_text(CONFIG.format(url=store.url, listen=listen))
        command = [sys.executable, "-m", "daemons.cli.main", "api", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 1
    assert listen.encode() in done.stderr
