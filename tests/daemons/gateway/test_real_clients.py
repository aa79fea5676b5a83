"""Programs of other people as clients, over an orderly restart of the gateway and a kill -9."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio

from daemons.broker import Broker, open_broker
from protocol.messages import SubmissionRequest

PATIENCE_S = 120.0
CLIENTS = Path(__file__).parent / "clients"
ROOT = Path(__file__).parents[3]
#: Passes descriptor 3 on as a listening socket, as systemd and our supervisor do.
INHERIT = (
    "import os, sys; os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
    "os.execv(sys.executable, [sys.executable, '-m', 'daemons.cli.main', *sys.argv[1:]])"
)
#: Everything that would have the browser call somewhere else is off.
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--no-proxy-server"),
)


def program(name: str, package: str) -> str:
    """Return the path of a program that Debian's *package* brings."""
    path = shutil.which(name)
    assert path, f"{name} is missing; install it with: apt-get install {package}"
    return path


class Site:
    """A store, and a gateway on a socket that outlives it."""

    def __init__(self, broker: Broker, listening: socket.socket, config: Path) -> None:
        self.broker = broker
        self.address = "{}:{}".format(*listening.getsockname())
        self._listening = listening
        self._config = config
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a gateway; connections that came before wait for it."""
        moved = f"import os; os.dup2({self._listening.fileno()}, 3); "
        self.process = subprocess.Popen(
            [sys.executable, "-c", moved + INHERIT, "gateway", "--config", str(self._config)],
            pass_fds=[self._listening.fileno()],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )

    def end(self, how: signal.Signals) -> None:
        """End the gateway by a signal."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)

    async def submit(self, users: list[str], count: int) -> None:
        """Make *count* events of each user."""
        for user in users * count:
            await self.broker.submit(
                SubmissionRequest(problem_id="p", user_id=user, language="python", code="x")
            )

    async def history(self, user: str) -> list[int]:
        """Return the ids of all events of *user*."""
        return [json.loads(raw)["id"] for raw in (await self.broker.replay(user, None)).events]


@pytest.fixture
async def site(store: Any) -> AsyncIterator[Site]:
    """Give a site whose gateway runs."""
    config = store.folder / "supervisor.toml"
    # Time enough for five programs on a slow machine to say how far they have read.
    config.write_text(f'[store]\nurl = "{store.url}"\n[gateway]\nclose_s = 40\n')
    async with open_broker(store.config(), name="test") as broker:
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            site = Site(broker, listening, config)
            site.start()
            try:
                yield site
            finally:
                site.end(signal.SIGKILL)


class Told:
    """What each client was told, in order; the key is its user."""

    def __init__(self) -> None:
        self.by_user: dict[str, list[dict[str, Any]]] = {}

    def note(self, user: str, line: bytes) -> None:
        """Take one message; wscat has a prompt of its own around it."""
        start, end = line.find(b"{"), line.rfind(b"}")
        if start >= 0:
            self.by_user.setdefault(user, []).append(json.loads(line[start : end + 1]))

    def count(self, user: str, type_: str) -> int:
        """Return how many messages of a type *user* was told."""
        return sum(each["type"] == type_ for each in self.by_user.get(user, ()))

    def ids(self, user: str) -> list[int]:
        """Return the ids of the events that *user* was told."""
        return [each["id"] for each in self.by_user.get(user, ()) if "id" in each]


async def run_client(user: str, command: list[str], told: Told) -> None:
    """Run a client until cancelled, and note what it prints."""
    run = partial(
        trio.run_process,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        # A browser and a shell have children.
        start_new_session=True,
        deliver_cancel=end_session,
    )
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(run)
        assert process.stdout is not None
        waiting = b""
        async for data in process.stdout:
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                told.note(user, line)


async def end_session(process: trio.Process) -> None:
    """End a client and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def served_page(gateway: str, told: Told) -> Iterator[str]:
    """Give the URL of the page, which tells *told* what it was told."""
    page = (CLIENTS / "page.html").read_text().replace("GATEWAY", gateway).encode()

    class Handler(BaseHTTPRequestHandler):
        """One page, and one place to report to."""

        def do_GET(self) -> None:
            """Give the page, and nothing else."""
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page if self.path == "/" else b"")

        def do_POST(self) -> None:
            """Take what the page was told."""
            told.note("chromium", self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def commands(site: Site) -> dict[str, list[str]]:
    """Return how to start each of the plain clients, by the user it follows."""
    url = f"ws://{site.address}/"
    node = program("node", "nodejs npm")
    wscat = CLIENTS / "node_modules/wscat/bin/wscat"
    assert wscat.exists(), f"the clients from npm are missing; make test installs them, with {node}"
    again = 'while :; do "$0" "$1" -c "$2" -x wscat -w 600; sleep 0.1; done'
    return {
        "ws": [node, str(CLIENTS / "plain_ws.mjs"), url, "ws"],
        "wscat": ["sh", "-c", again, node, str(wscat), url],
        "websockets": [sys.executable, str(CLIENTS / "plain_websockets.py"), url, "websockets"],
        "websocket-client": [
            *(sys.executable, str(CLIENTS / "plain_websocket_client.py"), url, "websocket-client")
        ],
    }


async def test_real_clients_miss_nothing(site: Site) -> None:
    """The plainest use of each library, and a page with gateway.js, see every event, in order.

    Over an orderly restart nothing comes twice, after a kill -9 only what was not yet proved; and
    gateway.js, which says `after`, sees each event once, always.
    """
    told = Told()
    with (
        trio.fail_after(2 * PATIENCE_S),
        served_page(site.address, told) as page,
        tempfile.TemporaryDirectory(
            prefix="gavel-chromium-", ignore_cleanup_errors=True
        ) as profile,
    ):
        plain = commands(site)
        users = [*plain, "chromium"]
        browser = [program("chromium", "chromium"), *CHROMIUM, f"--user-data-dir={profile}", page]
        async with trio.open_nursery() as nursery:
            for user, command in {**plain, "chromium": browser}.items():
                nursery.start_soon(run_client, user, command, told)
            await until(lambda: all(told.count(user, "ready") >= 1 for user in users), told)
            await site.submit(users, 3)
            await until(lambda: all(len(told.ids(user)) == 3 for user in users), told)

            site.end(signal.SIGTERM)
            await site.submit(users, 2)
            site.start()
            await until(lambda: all(len(told.ids(user)) >= 5 for user in users), told)
            for user in users:
                assert told.ids(user) == await site.history(user), f"{user}: {told.by_user[user]}"

            site.end(signal.SIGKILL)
            await site.submit(users, 2)
            site.start()
            await until(lambda: all(len(set(told.ids(user))) == 7 for user in users), told)
            nursery.cancel_scope.cancel()
    for user in users:
        history = await site.history(user)
        assert list(dict.fromkeys(told.ids(user))) == history, f"{user}: {told.by_user[user]}"
    assert told.ids("chromium") == history
    assert not told.count("chromium", "gap")


async def until(condition: Any, told: Told) -> None:
    """Wait until *condition* holds; say what was told if it does not."""
    with trio.move_on_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - other programs make it true
            await trio.sleep(0.02)
        return
    raise AssertionError({user: len(messages) for user, messages in told.by_user.items()})


def documented_page(gateway: str) -> bytes:
    """Return the page that docs/clients.md begins with, for the gateway that runs here."""
    blocks = (ROOT / "docs/clients.md").read_text().split("```html\n")[1:]
    (page,) = (block.partition("```")[0] for block in blocks if "followEvents(" in block)
    return page.replace("127.0.0.1:8001", gateway).encode()


async def test_documented_page_follows_events(site: Site, tmp_path: Path) -> None:
    """The ten lines of the document, as they stand there, tell in a browser what happens."""
    page = tmp_path / "page.html"
    page.write_bytes(documented_page(site.address))
    browser = [program("chromium", "chromium"), *CHROMIUM, "--enable-logging=stderr"]
    run = partial(
        trio.run_process,
        [*browser, f"--user-data-dir={tmp_path}/profile", page.as_uri()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        start_new_session=True,
        deliver_cancel=end_session,
    )
    with trio.fail_after(2 * PATIENCE_S):
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(run)
            assert process.stderr is not None
            console = b""
            async for data in process.stderr:
                console += data
                if b'"live"' in console and not await site.history("u1"):
                    await site.submit(["u1"], 1)
                if b'"submission.queued ' in console:
                    nursery.cancel_scope.cancel()
    assert b'"submission.queued ' in console, console.decode()
