"""`POST /runs`: taken in like a submission, without a problem, within the configured maxima."""

from __future__ import annotations

from typing import Any

import pytest

from daemons.broker import open_broker
from protocol import keys
from protocol.codec import decode
from protocol.messages import Judgement, RunOutput, RunRequest, Verdict
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import Api, Worker
from tests.daemons.api.test_bad_input import check_problem

RUN: dict[str, Any] = {"user_id": "u1", "language": "python", "code": "print(1)", "stdin": "x"}
DONE = Judgement(
    verdict=Verdict.ACCEPTED,
    time_s=0.01,
    memory_bytes=1,
    run=RunOutput(stdout="1\n", stderr="", exit_code=0, signal=None),
)


async def test_run_waits_and_shows_as_a_submission_does(
    api: Api, worker: Worker, store: StoreProcess
) -> None:
    """A run is queued, shown, listed and judged like a submission, and shows what it printed."""
    answer = await api.post(RUN, path="/runs")
    assert answer.status_code == 202
    document = answer.json()
    assert document["problem_id"] is document["stdout"] is None
    assert (document["status"], document["position"]) == ("queued", 1)
    async with open_broker(store.config(), name="look") as broker:
        payload = await broker.redis.call(("HGET", keys.submission(0, document["id"]), "payload"))
    assert decode(payload, RunRequest).stdin == "x"

    await worker.finish(DONE)
    shown = (await api.get(answer.headers["Location"])).json()
    assert {name: shown[name] for name in ("verdict", "stdout", "stderr", "exit_code", "signal")} == {
        "verdict": "accepted", "stdout": "1\n", "stderr": "", "exit_code": 0, "signal": None
    }  # fmt: skip
    listed = (await api.get("/submissions?user_id=u1")).json()["submissions"]
    assert listed == [shown]


async def test_run_can_be_cancelled_and_repeated(api: Api, worker: Worker) -> None:
    """Cancel, rejudge and Idempotency-Key mean the same for runs."""
    key = {"Idempotency-Key": "k"}
    first, again = [await api.post(RUN, path="/runs", headers=key) for _ in range(2)]
    assert first.json()["id"] == again.json()["id"]
    other = await api.post({**RUN, "stdin": "y"}, path="/runs", headers=key)
    check_problem(other, 422, "idempotency-mismatch")

    path = first.headers["Location"]
    assert (await api.client.delete(path)).json()["status"] == "cancelled"
    assert (await api.client.post(f"{path}/rejudge")).status_code == 202
    await worker.finish(DONE)
    assert (await api.get(path)).json()["stdout"] == "1\n"
    # Judged once more, the old output is not shown as if it were the new one's.
    assert (await api.client.post(f"{path}/rejudge")).json()["stdout"] is None


WRONG = [
    ({"limits": {"time_s": 11}}, "limits.time_s", "must be at most 10"),
    ({"limits": {"memory_bytes": 2**40}}, "limits.memory_bytes", "must be at most"),
    ({"limits": {"processes": 10**30}}, "limits.processes", "must be at most 64"),
    ({"limits": {"wall_s": -1}}, "limits.wall_s", "must be more than 0"),
    ({"limits": {"cpu": 1}}, "limits.cpu", "known are: time_s"),
    ({"problem_id": "echo"}, "problem_id", "unknown field `problem_id`"),
    ({"stdin": 5}, "stdin", "must be a string"),
    ({"args": "x"}, "args", "must be a list"),
    ({"args": ["\0"]}, "args[0]", "no NUL"),
    ({"language": "algol"}, "language", "there is no language"),
    ({"code": None}, "code", "exactly one"),
    ({"limits": []}, "limits", "must be an object"),
    ({"limits": {"time_s": "1"}}, "limits.time_s", "must be"),
    ({"limits": {"time_s": 0}}, "limits.time_s", "must be more than 0"),
    ({"limits": {"time_s": 1e308}}, "limits.time_s", "must be at most 10"),
    ({"limits": {"memory_bytes": 1.5}}, "limits.memory_bytes", "must be a whole number"),
    ({"limits": {"memory_bytes": -1}}, "limits.memory_bytes", "must be"),
    ({"limits": {"memory_bytes": 2**64}}, "limits.memory_bytes", "must be at most"),
    ({"limits": {"output_bytes": 2**63}}, "limits.output_bytes", "must be at most"),
    ({"limits": {"output_bytes": True}}, "limits.output_bytes", "must be"),
    ({"limits": {"processes": 0}}, "limits.processes", "must be"),
    ({"limits": {"wall_s": 31}}, "limits.wall_s", "must be at most 30"),
    ({"limits": {"wall_s": []}}, "limits.wall_s", "must be"),
    ({"stdin": None}, "stdin", "must be a string"),
    ({"stdin": ["x"]}, "stdin", "must be a string"),
    ({"args": [1]}, "args[0]", "must be a string"),
    ({"args": ["x" * 4097]}, "args[0]", "at most 4096"),
    ({"args": {"0": "x"}}, "args", "must be a list"),
    ({"args": ["x"] * 1000}, "args", "at most"),
    ({"priority": "low"}, "priority", "unknown field"),
    ({"user_id": ""}, "user_id", "1 to 128"),
    ({"user_id": "a:b"}, "user_id", "1 to 128"),
    ({"language": ""}, "language", "1 to 64"),
    ({"code": ""}, "code", "is empty"),
    ({"code": "x", "entry": "a.py"}, "entry", "goes with `files`"),
]


async def test_run_names_the_wrong_field(api: Api, subtests: pytest.Subtests) -> None:
    """What is wrong, or more than is allowed, is named."""
    for changes, field, says in WRONG:
        with subtests.test(f"{field} {says}"):
            answer = await api.post(RUN | changes, path="/runs")
            (error,) = check_problem(answer, 422, "invalid-input")["errors"]
            assert error["field"] == field
            assert says in error["message"]
