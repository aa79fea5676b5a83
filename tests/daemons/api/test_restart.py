"""Processes of the API come and go on one socket, and no request that was begun is dropped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import trio

from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, PATIENCE_S, write_config

CLIENTS = 8
RESTARTS = 4
#: The child finds the socket at the descriptor that LISTEN_FDS means, under its own pid.
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_FDS'] = '1';"
    "os.environ['LISTEN_PID'] = str(os.getpid());"
    "from daemons.cli.main import cli; cli(['api', '--config', sys.argv[2]])"
)


@contextmanager
def run_api(door: socket.socket, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run an API on *door*; give it once it is ready."""
    notify = config.parent / "notify.sock"
    notify.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(notify))
        ear.settimeout(PATIENCE_S)
        process = subprocess.Popen(
            [sys.executable, "-c", START, str(door.fileno()), str(config)],
            env={**os.environ, "NOTIFY_SOCKET": str(notify)},
            stderr=subprocess.DEVNULL,
            pass_fds=[door.fileno()],
        )
        try:
            assert ear.recv(4096).startswith(b"READY=1")
            yield process
        finally:
            process.kill()
            process.wait()


async def test_no_request_is_dropped_while_processes_are_replaced(store: StoreProcess) -> None:
    """Clients that never pause get an answer to each request while the API is replaced.

    Half of them keep their connections; a submission answered once is stored once.
    """
    config = write_config(store)
    answered = 0
    stop = trio.Event()

    async def submit(address: str, *, keep: bool) -> None:
        nonlocal answered
        limits = httpx2.Limits(max_keepalive_connections=None if keep else 0)
        async with httpx2.AsyncClient(
            base_url=address, timeout=PATIENCE_S, trust_env=False, limits=limits
        ) as client:
            while not stop.is_set():
                answer = await client.post("/submissions", json=GOOD)
                if answer.status_code != 202:  # a machine that let the store stand still
                    assert answer.json()["type"].endswith("store-unavailable"), answer.text
                answered += 1

    with (
        socket.create_server(("127.0.0.1", 0), backlog=256) as door,
        trio.fail_after(120),
        ExitStack() as stack,
    ):
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        # Time to drain for a machine that has much else to do.
        text = config.read_text().replace("[api]\n", "[api]\ndrain_s = 20.0\n")
        config.write_text(text + "[limits]\nopen_per_user = 1000000\n")

        async def start() -> subprocess.Popen[bytes]:
            return await trio.to_thread.run_sync(stack.enter_context, run_api(door, config))

        process = await start()
        async with trio.open_nursery() as nursery:
            for number in range(CLIENTS):
                nursery.start_soon(lambda keep=number % 2 == 0: submit(address, keep=keep))
            for _ in range(RESTARTS):
                successor = await start()
                process.send_signal(signal.SIGTERM)
                assert await trio.to_thread.run_sync(process.wait, PATIENCE_S) == 0
                process = successor
            stop.set()
    assert answered > 50 * RESTARTS
