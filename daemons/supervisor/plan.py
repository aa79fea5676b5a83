"""What the configuration asks to be run: one `DaemonSpec` per daemon, in start order.

The order is store, gateway, worker, api: doors open last, so nothing is accepted that nobody
serves. Stopping goes the other way, the gateway after the worker, so that last verdicts still reach
people.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from daemons.config import Config
from daemons.supervisor.policy import Policy
from daemons.supervisor.store import store_command, wait_for_store

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
    policy: Policy = field(default_factory=Policy)


def plan_daemons(config: Config) -> list[DaemonSpec]:
    """Return what *config* asks for, in start order."""
    specs = [_gateway(config), _worker(config), _api(config)]
    return [_store(config), *specs] if config.store.embedded else specs


def policy_of(config: Config) -> Policy:
    """Return the limits of ``[supervisor]``."""
    of = config.supervisor
    return Policy(
        of.intensity,
        of.period_s,
        of.backoff_initial_s,
        of.backoff_max_s,
        of.backoff_reset_s,
        of.on_limit,
    )


def _store(config: Config) -> DaemonSpec:
    return DaemonSpec(
        "store",
        store_command(config),
        probe=partial(wait_for_store, config.store_socket),
        start_s=config.supervisor.start_s,
        stop_s=config.supervisor.stop_s,
        # The data of everybody: the last to go when memory is short.
        oom_score_adj=-500,
        policy=policy_of(config),
    )


def _gateway(config: Config) -> DaemonSpec:
    return _daemon(
        config, "gateway", config.gateway.processes, config.gateway.close_s, config.gateway.listen
    )


def _worker(config: Config) -> DaemonSpec:
    # It runs foreign code: the first to go when memory is short.
    return _daemon(
        config, "worker", config.worker.processes, config.worker.drain_s, oom_score_adj=300
    )


def _api(config: Config) -> DaemonSpec:
    return _daemon(config, "api", config.api.processes, config.api.drain_s, config.api.listen)


def _daemon(
    config: Config,
    name: str,
    processes: int,
    drain_s: float,
    listen: str = "",
    oom_score_adj: int = 0,
) -> DaemonSpec:
    return DaemonSpec(
        name,
        # -P: the working directory's files must not stand in for our modules.
        [sys.executable, "-P", "-m", "daemons.cli.main", name, "--config", config.file],
        processes=processes,
        listen=listen,
        overlap=bool(listen),
        start_s=config.supervisor.start_s,
        stop_s=max(config.supervisor.stop_s, drain_s + _CLEANUP_S),
        watchdog_s=config.supervisor.watchdog_s,
        oom_score_adj=oom_score_adj,
        policy=policy_of(config),
    )
