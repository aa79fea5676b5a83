"""What the control socket offers: status, stop, restart, scale, reload."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import trio

from daemons.config import Config, ConfigError, load_config
from daemons.supervisor.control import CommandError
from daemons.supervisor.daemon import Daemon, RestartFailed, bind_door
from daemons.supervisor.log_files import rotation_of
from daemons.supervisor.merged_log import MergedLog
from daemons.supervisor.plan import DaemonSpec, plan_daemons
from daemons.supervisor.reload import compare
from daemons.supervisor.status import NOT_SEEN, look_at_store


class Commands:
    """Carries out commands on the daemons of one run.

    Args:
        config: the configuration that runs.
        daemons: filled by the supervisor as it starts.
        doors: closes the sockets that a reload binds.
        log: where all lines go.
        stop: begins to stop everything.
    """

    def __init__(
        self,
        config: Config,
        daemons: list[Daemon],
        doors: ExitStack,
        log: MergedLog,
        stop: Callable[[], None],
    ) -> None:
        self._config = config
        self._daemons = daemons
        self._doors = doors
        self._log = log
        self._stop = stop
        self._changing = trio.Lock()
        #: Daemons that did not come up with what a reload changed; the next reload tries again.
        self._behind: set[str] = set()

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
            case "scale":
                async with self._changing:
                    return await self._scale(request.get("name"), request.get("processes"))
            case "reload":
                async with self._changing:
                    return await self._reload()
            case other:
                raise CommandError(f"no such command: {other!r}")

    async def _status(self) -> dict[str, Any]:
        return {
            "ready": bool(self._daemons) and all(daemon.ready for daemon in self._daemons),
            "daemons": {daemon.spec.name: daemon.as_json() for daemon in self._daemons},
            "log": {"dropped_lines": self._log.dropped_lines},
            **(await look_at_store(self._config) if self._store_serves else NOT_SEEN),
        }

    @property
    def _store_serves(self) -> bool:
        """Whether it makes sense to ask the store; one that is not ours may always serve."""
        ours = self._config.store.embedded
        return not ours or any(one.ready for one in self._daemons if one.spec.name == "store")

    async def _restart(self, name: object) -> None:
        try:
            await self._find(name).restart()
        except RestartFailed as exc:
            raise CommandError(str(exc)) from exc

    def _find(self, name: object) -> Daemon:
        for daemon in self._daemons:
            if daemon.spec.name == name:
                return daemon
        names = ", ".join(daemon.spec.name for daemon in self._daemons)
        raise CommandError(f"no daemon {name!r}; there are: {names}")

    async def _scale(self, name: object, processes: object) -> str:
        """Run so many processes of a daemon, until a reload goes back to the file's number."""
        daemon = self._find(name)
        section = getattr(self._config, daemon.spec.name)
        if not hasattr(section, "processes"):
            raise CommandError(f"there is one {name}, and there can't be more")
        if not isinstance(processes, int) or processes < 1:
            raise CommandError(f"expected a number of processes from 1, got {processes!r}")
        before = daemon.spec.processes
        section = msgspec.structs.replace(section, processes=processes)
        self._config = msgspec.structs.replace(self._config, **{daemon.spec.name: section})
        await daemon.change(replace(daemon.spec, processes=processes), None, anew=False)
        if not daemon.serving:
            raise CommandError(
                f"{name}: {processes} processes, but not all came up: `gavel status`"
            )
        return f"{name}: {before} -> {processes} processes"

    async def _reload(self) -> list[str]:
        """Read the file again and apply what changed; return what was done, a line each."""
        try:
            new = load_config(Path(self._config.file))
            new.problem_dirs()
            difference = compare(self._config, new)
            if difference.refused:
                raise CommandError("; ".join(difference.refused))
            specs = {spec.name: spec for spec in plan_daemons(new)}
            rotation = rotation_of(new)
            doors = self._bind_changed(specs)
        except ConfigError as exc:
            raise CommandError(str(exc)) from exc
        # From here on nothing is refused any more.
        self._config = new
        self._log.use(rotation)
        done, failed = [], []
        for daemon in self._daemons:
            name = daemon.spec.name
            anew = name in difference.anew | self._behind
            try:
                done += await _change(daemon, specs[name], doors.get(name), anew=anew)
                self._behind.discard(name)
            except RestartFailed as exc:
                self._behind.add(name)
                failed.append(str(exc))
        if failed:
            raise CommandError("; ".join([*done, *failed]))
        return done

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
    daemon: Daemon, spec: DaemonSpec, door: socket.socket | None, *, anew: bool
) -> list[str]:
    """Apply what concerns *daemon*; return what was done."""
    done = []
    if spec.processes != daemon.spec.processes:
        done.append(f"{spec.name}: {daemon.spec.processes} -> {spec.processes} processes")
    if anew := anew or not spec.launches_like(daemon.spec):
        done.append(f"{spec.name}: restarted")
    await daemon.change(spec, door, anew=anew)
    return done
