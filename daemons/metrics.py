"""What is counted and measured, named by Prometheus' conventions, all in one table.

Each process counts for itself. Every few seconds it puts a snapshot into the store
(`daemons.broker.metrics`), and whichever API process is asked for `/metrics` shows all of them,
those of other machines too, each sample with the label `process`. A process that has gone takes its
counters along, as Prometheus expects of a restart.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

# They would double the lines and say only when a process first counted something.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()

HTTP_REQUESTS = Counter(
    "gavel_http_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "gavel_http_request_duration_seconds",
    "From a request's head to its answer's head; ?wait= counts.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
    registry=REGISTRY,
)
VERDICTS = Counter(
    "gavel_verdicts", "Verdicts delivered, runs among them.", ["language", "verdict"],
    registry=REGISTRY,
)  # fmt: skip
JUDGING_SECONDS = Histogram(
    "gavel_judging_duration_seconds",
    "From a submission's claim to its verdict.",
    ["language"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
SANDBOX_OVERHEAD_SECONDS = Histogram(
    "gavel_sandbox_overhead_seconds",
    "What a run in the sandbox took beyond the program's own time.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
    registry=REGISTRY,
)
GATEWAY_SOCKETS = Gauge("gavel_gateway_sockets", "WebSockets that are open.", registry=REGISTRY)


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """All numbers of one metric."""

    name: str
    help: str
    type: str
    samples: tuple[Sample, ...]


#: What a process knows of itself.
Snapshot = tuple[Family, ...]


def process_name(daemon: str) -> str:
    """Return what this process is called in the label `process`."""
    return f"{daemon}-{socket.gethostname()}-{os.getpid()}"


def take_snapshot() -> Snapshot:
    """Return everything that this process has counted."""
    return tuple(
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            tuple(Sample(each.name, each.labels, each.value) for each in metric.samples),
        )
        for metric in REGISTRY.collect()
    )


def render(snapshots: Mapping[str, Snapshot], gauges: list[Metric]) -> bytes:
    """Return *snapshots*, by the processes' names, and *gauges* as Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Merged(snapshots, gauges))
    return generate_latest(registry)


class _Merged(Collector):
    """Shows one family of each name, with the samples of all processes."""

    def __init__(self, snapshots: Mapping[str, Snapshot], gauges: list[Metric]) -> None:
        self._snapshots = snapshots
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        families: dict[str, Metric] = {}
        for process, snapshot in self._snapshots.items():
            for family in snapshot:
                metric = families.setdefault(
                    family.name, Metric(family.name, family.help, family.type)
                )
                for sample in family.samples:
                    metric.add_sample(
                        sample.name, {**sample.labels, "process": process}, sample.value
                    )
        yield from families.values()
        yield from self._gauges
