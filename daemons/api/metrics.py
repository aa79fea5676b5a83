"""`/metrics`: what all processes counted, and what the store says of queue and workers now."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.core import GaugeMetricFamily, Metric
from quart import Response

from daemons.api.auth import Gate
from daemons.api.routes import Answer, Route
from daemons.api.store import LiveWorkers, patience
from daemons.broker import Broker
from daemons.broker.errors import StoreUnavailable
from daemons.broker.metrics import oldest_age_s, read_metrics
from daemons.metrics import Snapshot, process_name, render, take_snapshot
from daemons.tokens import Scope
from protocol.messages import WorkerInfo


class Metrics:
    """The handler of `/metrics`."""

    def __init__(self, broker: Broker, workers: LiveWorkers, gate: Gate) -> None:
        self._broker = broker
        self._workers = workers
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return the route."""
        text = Answer(description="Prometheus' text format.", media="text/plain")
        return [
            Route(method="GET", path="/metrics", handler=self.show, scope=Scope.READ,
                  summary="What all processes have counted and measured.", answers={200: text}),
        ]  # fmt: skip

    async def show(self) -> Response:
        """Answer with all metrics; without the store, with those of this process alone."""
        self._gate.check_everyone()
        snapshots: dict[str, Snapshot] = {}
        gauges: list[Metric] = []
        try:
            with patience():
                snapshots = await read_metrics(self._broker)
                gauges = await self._of_store()
        except StoreUnavailable:
            up = 0
        else:
            up = 1
        # This process's own, as it is now and not some seconds ago.
        snapshots[process_name("api")] = take_snapshot()
        gauges.append(GaugeMetricFamily("gavel_store_up", "Whether the store answers.", up))
        return Response(render(snapshots, gauges), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def _of_store(self) -> list[Metric]:
        depth, running, dead = await self._broker.queue_status()
        durability = GaugeMetricFamily(
            "gavel_store_durability_info", "What a 202 survives.", labels=["durability"]
        )
        durability.add_metric([self._broker.durability], 1)
        return [
            GaugeMetricFamily("gavel_queue_depth", "Submissions that wait.", depth),
            GaugeMetricFamily("gavel_queue_running", "Submissions being judged.", running),
            GaugeMetricFamily("gavel_queue_dead", "Submissions that were given up.", dead),
            GaugeMetricFamily(
                "gavel_queue_oldest_age_seconds",
                "How long ago the oldest that waits was sent in.",
                await oldest_age_s(self._broker),
            ),
            durability,
            *_of_workers(await self._workers.workers(fresh=True)),
        ]


def _of_workers(workers: list[WorkerInfo]) -> list[Metric]:
    slots = GaugeMetricFamily("gavel_worker_slots", "Runs at a time.", labels=["worker"])
    busy = GaugeMetricFamily("gavel_worker_slots_busy", "Runs going on.", labels=["worker"])
    for worker in workers:
        slots.add_metric([worker.name], worker.slots)
        busy.add_metric([worker.name], worker.busy)
    return [slots, busy]
