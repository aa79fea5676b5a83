"""The description of the API is true: a tool that believes every word of it finds nothing wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trio

from daemons.broker import Claims, open_broker
from daemons.config import Worker
from protocol.messages import LanguageInfo, WorkerInfo
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, run_daemon, write_config

SCHEMATHESIS = Path(sys.prefix) / "bin" / "schemathesis"
BOUND_S = 200.0
#: A store that stands still for a second, as on a busy machine it may, is a 503 and no mistake.
SETTINGS = """\
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
#: Some 250 requests, most of them at the edges of the types.
EXAMPLES = 5


async def show_worker(store: StoreProcess) -> None:
    """Let the store know of a worker that offers Python, for longer than the test takes."""
    python = LanguageInfo(id="python", name="Python", version="3", extensions=(".py",))
    info = WorkerInfo(name="w1", slots=2, busy=0, grade="full", judging_s=0.1, languages=(python,))
    async with open_broker(
        store.config(worker=Worker(beat_s=200, lease_s=400)), name="w"
    ) as broker:
        await Claims(broker, "w1").show(info, 1)


def test_schemathesis_finds_nothing(store: StoreProcess) -> None:
    """Requests made of the description, right and wrong ones, get answers that it describes."""
    config = write_config(store)
    (store.folder / "schemathesis.toml").write_text(SETTINGS)
    trio.run(show_worker, store)
    with run_daemon("api", config, store.folder / "notify.sock") as (_, address):
        done = subprocess.run(
            [
                *(str(SCHEMATHESIS), "run", f"http://{address}/openapi.json", "--checks", "all"),
                # A well-formed request may still be about a problem that is not there: 422.
                *("--exclude-checks", "positive_data_acceptance"),
                # It would wait for the end of an endless answer.
                *("--exclude-path-regex", "/events$"),
                *("--max-response-time", str(BOUND_S), "--suppress-health-check", "all"),
                *("--max-examples", str(EXAMPLES), "--seed", "1", "--no-color"),
                *("--generation-database", "none"),
            ],
            text=True, capture_output=True, timeout=BOUND_S, check=False, cwd=store.folder,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "15 passed" in done.stdout


async def test_description_shows_the_types_that_check(api: Api) -> None:
    """What the description says of a request is what a request is refused by."""
    described = (await api.get("/openapi.json")).json()
    schema = described["components"]["schemas"]["SubmissionRequest"]

    assert described["openapi"].startswith("3.1")
    assert schema["required"] == ["problem_id", "user_id", "language"]
    assert schema["additionalProperties"] is False
    for name in schema["required"]:
        answer = await api.post({key: value for key, value in GOOD.items() if key != name})
        assert answer.json()["errors"][0]["field"] == name
    text = str(described)
    assert "(?!" not in text
    refs = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert refs <= set(described["components"]["schemas"])


async def test_index_and_description_name_the_same_routes(api: Api) -> None:
    """Nothing is served that is not described."""
    paths = (await api.get("/openapi.json")).json()["paths"]
    described = {
        f"{method.upper()} {path}" for path, methods in paths.items() for method in methods
    }
    routes = (await api.get("/")).json()["routes"]
    assert len(described) == len(routes) == 17
    assert "GET /submissions/submission_id/events" in routes
