"""`/metrics`: every process's numbers in one answer, with names that Prometheus takes."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import httpx2
import trio
from prometheus_client.parser import text_string_to_metric_families

from daemons.broker import open_broker
from daemons.broker.metrics import read_metrics
from daemons.metrics import REGISTRY
from protocol import codec, keys
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import (
    GOOD,
    PATIENCE_S,
    Api,
    Worker,
    run_daemon,
    until,
    write_config,
)

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana.json"


async def samples(api: Api) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples of `/metrics` by name."""
    answer = await api.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_metrics_tell_of_requests_queue_workers_and_store(api: Api, worker: Worker) -> None:
    """What happened shows: a request by route and status, a queue with its age, workers, the store."""
    await worker.show("python")
    await api.post(GOOD)
    await api.get("/submissions/x")
    found = await samples(api)

    counted = {
        (labels["route"], labels["status"]) for labels, _ in found["gavel_http_requests_total"]
    }
    assert {("/submissions", "202"), ("/submissions/<submission_id>", "404")} <= counted
    assert found["gavel_queue_depth"] == [({}, 1.0)]
    assert 0 <= found["gavel_queue_oldest_age_seconds"][0][1] < 60
    assert found["gavel_worker_slots"] == [({"worker": "w1"}, 2.0)]
    assert found["gavel_store_up"] == [({}, 1.0)]
    assert found["gavel_store_durability_info"] == [({"durability": "disk"}, 1.0)]


async def test_metrics_show_other_processes(api: Api, store: StoreProcess) -> None:
    """A snapshot that another process left in the store is shown under its name."""
    family = ["gavel_verdicts", "Verdicts.", "counter", [
        ["gavel_verdicts_total", {"language": "python", "verdict": "accepted"}, 3.0],
    ]]  # fmt: skip
    async with open_broker(store.config(), name="other") as broker:
        await broker.redis.call(("SET", keys.metrics("worker-x-1"), codec.encode([family])))
        await broker.redis.call(("SET", keys.metrics("worker-x-2"), b"garbage"))
        now = int(time.time() * 1000)
        await broker.redis.call(("ZADD", keys.METRICS, now, "worker-x-1", now, "worker-x-2"))
        with trio.fail_after(120):

            async def published() -> bool:
                return any(name.startswith("api-") for name in await read_metrics(broker))

            await until(published)
    found = await samples(api)
    # This process may have verdicts of its own, of tests before this one.
    assert [
        (labels, value)
        for labels, value in found["gavel_verdicts_total"]
        if not labels["process"].startswith("api-")
    ] == [({"language": "python", "verdict": "accepted", "process": "worker-x-1"}, 3.0)]


async def test_metrics_are_of_all_processes_whichever_is_asked(store: StoreProcess) -> None:
    """What two processes have answered shows in the answer of each, under its own name."""
    config = write_config(store)
    with (
        trio.fail_after(PATIENCE_S),
        run_daemon("api", config, store.folder / "a.sock") as (_, one),
        run_daemon("api", config, store.folder / "b.sock") as (_, other),
    ):
        async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
            for count, address in ((2, one), (3, other)):
                for _ in range(count):
                    await client.get(f"http://{address}/problems")

            async def seen(address: str) -> list[float]:
                text = (await client.get(f"http://{address}/metrics")).text
                return sorted(
                    sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                    if sample.name == "gavel_http_requests_total"
                    and sample.labels["route"] == "/problems"
                )

            async def told() -> bool:
                return await seen(one) == await seen(other) == [2, 3]

            await until(told)


async def test_metrics_answer_while_the_store_is_away(api: Api, store: StoreProcess) -> None:
    """A store that is away is told, not an error of the scrape."""
    store.kill()
    found = await samples(api)
    assert found["gavel_store_up"] == [({}, 0.0)]
    assert "gavel_queue_depth" not in found


async def test_dashboard_asks_for_metrics_that_there_are(api: Api, worker: Worker) -> None:
    """Every name in the dashboard is one that this version tells."""
    await worker.show("python")
    told = set(re.findall(r"^# TYPE (\w+)", (await api.get("/metrics")).text, re.MULTILINE))
    asked = set(re.findall(r"gavel_\w+", json.dumps(json.loads(DASHBOARD.read_text()))))
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert len(asked) >= 10
    assert bare <= told
    assert {metric.name for metric in REGISTRY.collect()} <= {
        name.removesuffix("_total") for name in bare
    }
