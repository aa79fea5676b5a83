"""The process `gavel gateway`: how it starts, tells that it is ready, and stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PATIENCE_S = 120.0
COMMAND = (sys.executable, "-m", "daemons.cli.main", "gateway", "--config")
#: Passes the socket with the descriptor that follows, then becomes the command after that.
WITH_SOCKET = (
    *(sys.executable, "-c"),
    (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); "
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
        "os.execv(sys.argv[2], sys.argv[2:])"
    ),
)
ROOT = Path(__file__).parents[3]

Started = tuple["subprocess.Popen[bytes]", str]
Start = Callable[..., Started]


@pytest.fixture
def start(store: Any, tmp_path: Path) -> Iterator[Start]:
    """Give the function that starts the process and waits until it is ready."""
    with ExitStack() as stack:

        def start(*command: str, url: str = store.url, more: str = "", **options: Any) -> Started:
            config = tmp_path / "supervisor.toml"
            config.write_text(
                f'[store]\nurl = "{url}"\n[gateway]\nlisten = "127.0.0.1:0"\nclose_s = 2.0\n{more}'
            )
            notify = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            notify.bind(f"\0gavel-{os.getpid()}-{id(notify)}")
            notify.settimeout(PATIENCE_S)
            environment = os.environ | {"NOTIFY_SOCKET": "@" + notify.getsockname()[1:].decode()}
            process = subprocess.Popen(
                (*command, *COMMAND, str(config)), env=environment, cwd=ROOT, **options
            )
            stack.callback(end, process)
            message = notify.recv(4096).decode()
            found = re.search(r"READY=1\nSTATUS=listening on (127\.0\.0\.1:\d+)", message)
            assert found is not None, message
            return process, found[1]

        yield start


def end(process: subprocess.Popen[bytes]) -> None:
    """End *process*, whatever it does."""
    process.kill()
    process.wait()


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_gateway_parts_on_a_signal(start: Start, signal_: signal.Signals) -> None:
    """Asked to stop, the process says 1001 to its clients and exits with 0."""
    process, address = start()
    with connect(f"ws://{address}/", proxy=None) as ws:
        ws.send("u1")
        assert '"ready"' in ws.recv(PATIENCE_S)
        process.send_signal(signal_)
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv(PATIENCE_S)

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert process.wait(PATIENCE_S) == 0


def test_gateway_serves_an_inherited_socket(start: Start) -> None:
    """Started with a listening socket, it serves that one, and its starter keeps it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "{}:{}".format(*listening.getsockname())
        for _ in range(2):
            process, told = start(
                *WITH_SOCKET, str(listening.fileno()), pass_fds=[listening.fileno()]
            )
            with connect(f"ws://{address}/", proxy=None) as ws:
                ws.send("u1")
                assert '"ready"' in ws.recv(PATIENCE_S)
            process.terminate()

            assert told == address
            assert process.wait(PATIENCE_S) == 0


def test_gateway_starts_without_a_store(start: Start, tmp_path: Path) -> None:
    """A store that is away does not keep it from starting: clients are told to come back."""
    process, address = start(url=f"unix://{tmp_path}/nowhere.sock")
    with connect(f"ws://{address}/", proxy=None) as ws:
        ws.send("u1")
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv(PATIENCE_S)
    process.terminate()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1013
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ('[gateway]\nlisten = "192.0.2.1:0"\n[auth]\ninsecure = true\n', "[gateway] listen"),
        ('[auth]\ntokens_file = "tokens"\n', "[auth] tokens_file"),
    ],
    ids=["foreign-address", "tokens"],
)
def test_gateway_refuses_a_configuration_it_cannot_serve(
    tmp_path: Path, config: str, complaint: str
) -> None:
    """An address of another machine, or tokens that nobody checks: exit code 78 and the key."""
    path = tmp_path / "supervisor.toml"
    path.write_text(config)

    done = subprocess.run(
        (*COMMAND, str(path)), cwd=ROOT, capture_output=True, timeout=PATIENCE_S, check=False
    )

    assert done.returncode == 78
    assert complaint in done.stderr.decode()
