"""The embedded store: a real Valkey with our settings, supervised as any other daemon."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from daemons.config import Config, ConfigError, Store
from daemons.supervisor.store import exec_store, store_command, wait_for_store
from tests.conftest import held_port

WAIT_S = 120.0
OPERATIONS = Path(__file__).parents[3] / "docs/operations.md"


@contextmanager
def running(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    """Run the store of *config* until the end of the block."""
    with subprocess.Popen(store_command(config), stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(WAIT_S)


def settings(folder: Path, **store: Any) -> Config:
    """Return a configuration whose store lies in *folder*."""
    return Config(store=Store(**{"listen": "", **store}), base=str(folder))


async def ask(config: Config, *commands: str) -> str:
    """Send *commands* to the store's unix socket and return all that it answers."""
    with trio.fail_after(WAIT_S):
        await wait_for_store(config.store_socket)
        folder = os.open(config.store_socket.parent, os.O_PATH)
        try:
            stream = await trio.open_unix_socket(f"/proc/self/fd/{folder}/store.sock")
        finally:
            os.close(folder)
        async with stream:
            await stream.send_all("".join(f"{one}\r\n" for one in (*commands, "QUIT")).encode())
            return b"".join([bytes(chunk) async for chunk in stream]).decode()


async def test_store_answers_with_our_settings(tmp_path: Path) -> None:
    """The server keeps a log of every write, drops nothing for want of memory, and opens no port."""
    config = settings(tmp_path, save=("900 1", "60 1000"))

    with running(config):
        text = await ask(
            config,
            *(f"CONFIG GET {key}" for key in ("appendonly", "appendfsync", "maxmemory-policy")),
            *(f"CONFIG GET {key}" for key in ("port", "save", "unixsocketperm")),
        )

    values = [line for line in text.split("\r\n") if line and line[0] not in "*$+"]
    found = dict(zip(values[::2], values[1::2], strict=True))
    assert found == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "900 1 60 1000",
        "unixsocketperm": "600",
    }


async def test_store_in_memory_mode_syncs_each_second(tmp_path: Path) -> None:
    """With durability "memory" the log is still kept, but not synced with every write."""
    config = settings(tmp_path, durability="memory", save=())

    with running(config):
        text = await ask(config, "CONFIG GET appendfsync", "CONFIG GET save")

    assert "everysec" in text
    assert text.split("save\r\n")[1].startswith("$0\r\n")


async def test_store_keeps_what_it_accepted_over_a_kill(tmp_path: Path) -> None:
    """What was answered with OK is there after SIGKILL and a new start."""
    config = settings(tmp_path)

    with running(config) as process:
        assert "+OK" in await ask(config, "SET kept yes")
        process.kill()
        process.wait(WAIT_S)
    with running(config):
        assert "yes" in await ask(config, "GET kept")


async def test_store_that_cannot_write_a_snapshot_stops_all_the_same(tmp_path: Path) -> None:
    """The append-only file has everything, so a folder that is gone or full holds up no end."""
    # None is due before the end, which wants one whenever a rule is set.
    config = settings(tmp_path / "gone", save=("900 1",))
    (tmp_path / "gone").mkdir()

    with running(config) as process:
        await ask(config, "SET key value")
        shutil.rmtree(tmp_path / "gone")
        process.terminate()

        assert await trio.to_thread.run_sync(process.wait, WAIT_S) == 0


async def test_store_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else may enter the folder, even if it was there with wider rights."""
    config = settings(tmp_path)
    config.path(config.store.dir).mkdir(parents=True, mode=0o755)

    with running(config):
        await ask(config, "PING")

        mode = stat.S_IMODE(config.path(config.store.dir).stat().st_mode)
        assert mode == 0o700
        assert stat.S_IMODE(config.store_socket.stat().st_mode) == 0o600


async def test_store_works_in_a_deep_folder(tmp_path: Path) -> None:
    """A folder whose path is longer than a socket's address may be is no obstacle."""
    config = settings(tmp_path / ("d" * 120))

    with running(config):
        assert "+PONG" in await ask(config, "PING")


async def test_store_listens_on_its_port_too(tmp_path: Path) -> None:
    """With an address the store also answers over TCP."""
    with held_port() as port, running(config := settings(tmp_path, listen=f"127.0.0.1:{port}")):
        await ask(config, "PING")
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as client:
            client.sendall(b"PING\r\n")
            assert client.recv(64) == b"+PONG\r\n"


async def test_waiting_for_the_store_lasts_while_it_loads(tmp_path: Path) -> None:
    """A server that still reads its data is not ready, and each such answer extends its time."""
    path = tmp_path / "store.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(door))

        async def load(stream: trio.SocketStream) -> None:
            await stream.receive_some(64)
            await stream.send_all(b"-LOADING Valkey is loading the dataset in memory\r\n")

        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, load, [listener])
                with trio.CancelScope() as scope:
                    await wait_for_store(path, loading=scope.cancel)
                nursery.cancel_scope.cancel()

    assert scope.cancelled_caught


def test_port_of_another_is_named_before_anything_starts(suite: Any) -> None:
    """A port that is taken ends the start at once with the key's name, not in a loop of restarts."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        taken = f"127.0.0.1:{door.getsockname()[1]}"
        suite.config.write_text(f"[store]\nlisten = '{taken}'\n")
        suite.start({"planned": "store"})

        code = suite.wait_end()

    assert code != 0
    assert f"ConfigError: [store] listen: {taken}: Address already in use" in suite.text
    assert "daemon died" not in suite.text


def test_foreign_store_is_not_run(tmp_path: Path) -> None:
    """`gavel store` refuses when the configuration names another store."""
    config = Config(store=Store(url="redis://elsewhere:6379"), file="x.toml", base=str(tmp_path))

    with pytest.raises(ConfigError, match=r"x.toml: \[store\] url: not embedded"):
        exec_store(config)


def test_store_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A folder that can't be made is a configuration error with the key."""
    (tmp_path / "var").write_text("a file")

    with pytest.raises(ConfigError, match=r"\[store\] dir: .*Not a directory"):
        store_command(settings(tmp_path))


def test_store_command_becomes_the_server(tmp_path: Path) -> None:
    """`gavel store` is the server itself: one process, which SIGTERM ends in order."""
    file = tmp_path / "supervisor.toml"
    file.write_text("[store]\nlisten = ''\n")
    command = [sys.executable, "-m", "daemons.cli.main", "store", "--config", str(file)]

    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        config = msgspec.structs.replace(settings(tmp_path))
        assert "+PONG" in trio.run(ask, config, "PING")
        exe = Path(f"/proc/{process.pid}/exe").resolve().name
        process.send_signal(signal.SIGTERM)
        code = process.wait(WAIT_S)

    assert exe == "valkey-server"
    assert code == 0
    assert not config.store_socket.exists()


def test_killed_store_comes_back_with_its_data(suite: Any, spec: Any) -> None:
    """A killed store is started again with its data, and nobody else is restarted for it."""
    config = Config(store=Store(listen=""), base=str(suite.folder))
    suite.start({"planned": "store"}, spec("one", "good"))
    suite.wait_ready()
    assert "+OK" in trio.run(ask, config, "SET kept yes")
    killed, other = suite.status("store")["pid"], suite.status("one")["pid"]

    os.kill(killed, signal.SIGKILL)
    suite.wait_for(
        lambda: suite.status("store")["restarts"] == 1 and suite.ask("status")["ready"],
        "it is back",
    )

    assert "yes" in trio.run(ask, config, "GET kept")
    assert suite.status("one")["pid"] == other
    queue = suite.wait_for(lambda: suite.ask("status")["queue"], "a store that answers")
    assert queue == {"depth": 0, "running": 0, "dead": 0}
    suite.signal(signal.SIGTERM)
    assert suite.wait_end() == 0
    assert suite.processes() == []
    assert not config.store_socket.exists()


def test_stopped_store_makes_the_queue_unknown(suite: Any) -> None:
    """While the store does not answer, status still does, with the queue unknown."""
    suite.start({"planned": "store"})
    suite.wait_ready()
    pid = suite.status("store")["pid"]

    os.kill(pid, signal.SIGSTOP)
    answer = suite.ask("status")
    os.kill(pid, signal.SIGCONT)

    assert answer["queue"] is None
    assert answer["workers"] is None
    suite.wait_for(lambda: suite.ask("status")["queue"] is not None, "a store that answers")


async def test_backup_restores_as_documented(tmp_path: Path) -> None:
    """A snapshot at the head of an empty log brings back what it has, and the log goes on."""
    scripts = re.findall(r"```sh\n(.*?)```", OPERATIONS.read_text(), re.DOTALL)
    config = settings(tmp_path, dir="var/store")
    with running(config):
        assert "+OK" in await ask(config, "SET kept 1")
        for script in scripts[-2:]:
            command = ["bash", "-euc", script]
            await trio.run_process(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        assert "+OK" in await ask(config, "SET after 1")

    restored = settings(tmp_path, dir="restored")
    with running(restored):
        assert "+OK" in await ask(restored, "SET new 1")
    with running(restored):
        answer = await ask(restored, "MGET kept after new")

    assert answer.startswith("*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n1\r\n")
