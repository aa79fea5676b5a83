"""What the control socket offers: status, stop, restart, reload."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from daemons.config import Config, ConfigError, load_config
from daemons.supervisor.control import CommandError
from daemons.supervisor.daemon import Daemon, RestartFailed, bind_door
from daemons.supervisor.plan import DaemonSpec, plan_daemons
from daemons.supervisor.reload import Difference, compare
from daemons.supervisor.status import NOT_SEEN, look_at_store


class Commands:
    """Carries out commands on the daemons of one run.

    Args:
        config: the configuration that runs.
        daemons: filled by the supervisor as it starts.
        doors: closes the sockets that a reload binds.
        stop: begins to stop everything.
    """

    def __init__(
        self, config: Config, daemons: list[Daemon], doors: ExitStack, stop: Callable[[], None]
    ) -> None:
        self._config = config
        self._daemons = daemons
        self._doors = doors
        self._stop = stop

    async def handle(self, request: dict[str, Any]) -> Any:
        """Carry out one request.

        Raises:
            CommandError: it can't be carried out.
        """
        match request.get("command"):
            case "status":
                return await self._status()
            case "stop":
                return self._stop()
            case "restart":
                return await self._restart(request.get("name"))
            case "reload":
                return await self._reload()
            case other:
                raise CommandError(f"no such command: {other!r}")

    async def _status(self) -> dict[str, Any]:
        return {
            "ready": bool(self._daemons) and all(daemon.ready for daemon in self._daemons),
            "daemons": {daemon.spec.name: daemon.as_json() for daemon in self._daemons},
            **(await look_at_store(self._config) if self._store_serves else NOT_SEEN),
        }

    @property
    def _store_serves(self) -> bool:
        """Whether it makes sense to ask the store; one that is not ours may always serve."""
        ours = self._config.store.embedded
        return not ours or any(one.ready for one in self._daemons if one.spec.name == "store")

    async def _restart(self, name: object) -> None:
        for daemon in self._daemons:
            if daemon.spec.name == name:
                try:
                    return await daemon.restart()
                except RestartFailed as exc:
                    raise CommandError(str(exc)) from exc
        names = ", ".join(daemon.spec.name for daemon in self._daemons)
        raise CommandError(f"no daemon {name!r}; there are: {names}")

    async def _reload(self) -> list[str]:
        """Read the file again and apply what changed; return what was done, a line each."""
        try:
            new = load_config(Path(self._config.file))
            difference = compare(self._config, new)
            if difference.refused:
                raise CommandError("; ".join(difference.refused))
            specs = {spec.name: spec for spec in plan_daemons(new)}
            doors = self._bind_changed(specs)
        except ConfigError as exc:
            raise CommandError(str(exc)) from exc
        # From here on nothing is refused any more.
        self._config = new
        return [
            done
            for daemon in self._daemons
            for done in await _change(daemon, specs[daemon.spec.name], doors, difference)
        ]

    def _bind_changed(self, specs: dict[str, DaemonSpec]) -> dict[str, socket.socket]:
        """Bind all addresses that changed, or none of them."""
        doors: dict[str, socket.socket] = {}
        with ExitStack() as bound:
            for daemon in self._daemons:
                spec = specs[daemon.spec.name]
                if spec.listen != daemon.spec.listen and (door := bind_door(spec)) is not None:
                    doors[spec.name] = bound.enter_context(door)
            self._doors.push(bound.pop_all())
        return doors


async def _change(
    daemon: Daemon, spec: DaemonSpec, doors: dict[str, socket.socket], difference: Difference
) -> list[str]:
    """Apply what concerns *daemon*; return what was done."""
    done = []
    if spec.processes != daemon.spec.processes:
        done.append(f"{spec.name}: {daemon.spec.processes} -> {spec.processes} processes")
    if anew := spec.name in difference.anew:
        done.append(f"{spec.name}: restarted")
    try:
        await daemon.change(spec, doors.get(spec.name), anew=anew)
    except RestartFailed as exc:
        raise CommandError(str(exc)) from exc
    return done
