"""What the configuration asks to be run: one `DaemonSpec` per daemon, in start order.

The order is store, gateway, worker, api: doors open last, so nothing is accepted that nobody
serves. Stopping goes the other way, the gateway after the worker, so that last verdicts still reach
people.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import TypeVar

from daemons.config import Config, Supervision
from daemons.supervisor.policy import Policy
from daemons.supervisor.store import store_command, wait_for_store

Value = TypeVar("Value")

#: After its own drain time a daemon gets this much to clean up before it is killed.
_CLEANUP_S = 5.0


@dataclass(frozen=True)
class DaemonSpec:
    """How one daemon is run."""

    name: str
    command: Sequence[str]
    processes: int = 1
    #: Address that the supervisor listens on for it; empty = none.
    listen: str = ""
    #: Address that it listens on by itself, to be shown; empty = none.
    own_listen: str = ""
    #: Lines of its output that hold one of these are not logged.
    muted: tuple[str, ...] = ()
    #: How readiness is found when the daemon does not tell it itself: returns when it is there, and
    #: calls its argument when it sees that the daemon is alive but needs longer.
    probe: Callable[[Callable[[], None]], Awaitable[None]] | None = None
    #: A restart starts the new process before the old one stops.
    overlap: bool = False
    #: From the opened gate to readiness, else it is killed.
    start_s: float = 30.0
    #: From SIGTERM to the end, else it is killed.
    stop_s: float = 30.0
    #: Longest silence of its loop; None = not watched.
    watchdog_s: float | None = None
    oom_score_adj: int = 0
    #: Name as in `resource`, without RLIMIT_ and in small letters -> the limit.
    rlimits: Mapping[str, int] = field(default_factory=dict)
    #: Variables beside those that the supervisor itself has.
    environment: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def launches_like(self, other: DaemonSpec) -> bool:
        """Whether a process of *other* is started just as one of this is."""
        launch = attrgetter("command", "watchdog_s", "oom_score_adj", "rlimits", "environment")
        return bool(launch(self) == launch(other))


def plan_daemons(config: Config) -> list[DaemonSpec]:
    """Return what *config* asks for, in start order."""
    specs = [_gateway(config), _worker(config), _api(config)]
    return [_store(config), *specs] if config.store.embedded else specs


def _policy(of: Supervision) -> Policy:
    return Policy(
        intensity=_told(of.intensity),
        period_s=_told(of.period_s),
        initial_s=_told(of.backoff_initial_s),
        longest_s=_told(of.backoff_max_s),
        reset_s=_told(of.backoff_reset_s),
        on_limit=_told(of.on_limit),
        restart=_told(of.restart),
    )


def _told(value: Value | None) -> Value:
    assert value is not None, "`Supervisor.of` tells every value"
    return value


def _store(config: Config) -> DaemonSpec:
    of = config.supervisor.of("store")
    return DaemonSpec(
        "store",
        store_command(config),
        own_listen=config.store.listen,
        # Valkey's advice about a kernel setting: `docs/operations.md` has it, with the reason.
        muted=("WARNING Memory overcommit must be enabled",),
        probe=partial(wait_for_store, config.store_socket),
        start_s=_told(of.start_s),
        stop_s=_told(of.stop_s),
        oom_score_adj=of.oom_score_adj,
        rlimits=of.rlimits,
        environment=of.environment,
        policy=_policy(of),
    )


def _gateway(config: Config) -> DaemonSpec:
    of = config.gateway
    return _daemon(config, "gateway", of.processes, of.close_s, of.listen)


def _worker(config: Config) -> DaemonSpec:
    return _daemon(config, "worker", config.worker.processes, config.worker.drain_s)


def _api(config: Config) -> DaemonSpec:
    return _daemon(config, "api", config.api.processes, config.api.drain_s, config.api.listen)


def _daemon(
    config: Config, name: str, processes: int, drain_s: float, listen: str = ""
) -> DaemonSpec:
    of = config.supervisor.of(name)
    return DaemonSpec(
        name,
        # -P: the working directory's files must not stand in for our modules.
        [sys.executable, "-P", "-m", "daemons.cli.main", name, "--config", config.file],
        processes=processes,
        listen=listen,
        overlap=bool(listen),
        start_s=_told(of.start_s),
        stop_s=max(_told(of.stop_s), drain_s + _CLEANUP_S),
        watchdog_s=of.watchdog_s,
        oom_score_adj=of.oom_score_adj,
        rlimits=of.rlimits,
        environment=of.environment,
        policy=_policy(of),
    )
