"""The API as its own process: ready, serving, stopped by a signal, wrong configuration."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, PATIENCE_S, run_daemon, write_config


@pytest.fixture
def config(store: StoreProcess) -> Path:
    """Give a configuration file of a store and one problem."""
    return write_config(store)


def test_api_serves_until_it_is_told_to_stop(config: Path, store: StoreProcess) -> None:
    """`gavel api` alone says where it listens, takes submissions, and ends with 0 on SIGTERM."""
    with run_daemon("api", config, store.folder / "notify.sock") as (process, address):
        with httpx2.Client(
            base_url=f"http://{address}", timeout=PATIENCE_S, trust_env=False
        ) as client:
            statuses = (client.post("/submissions", json=GOOD).status_code for _ in range(60))
            # For a second, a busy machine may do nothing for the store.
            assert next(status for status in statuses if status != 503) == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_api_starts_without_a_store(config: Path, store: StoreProcess) -> None:
    """A store that is away keeps nobody from starting: the API says 503 until it is there."""
    store.kill()
    with run_daemon("api", config, store.folder / "notify.sock") as (_, address):
        answer = httpx2.post(
            f"http://{address}/submissions", json=GOOD, timeout=PATIENCE_S, trust_env=False
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
        write_config(store, api=listen)
        command = [sys.executable, "-m", "daemons.cli.main", "api", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 78
    assert listen.encode() in done.stderr


def test_api_needs_the_tokens_that_it_asks_for(config: Path) -> None:
    """Where the file of tokens is not there, nobody is let in: the process ends with 78."""
    config.write_text(config.read_text() + '[auth]\ntokens_file = "tokens"\n')
    command = [sys.executable, "-m", "daemons.cli.main", "api", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 78
    assert b"tokens_file" in done.stderr
