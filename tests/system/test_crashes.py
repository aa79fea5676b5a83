"""kill -9 of each daemon while the system works: it comes back, and nothing that was said is lost."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx2 as httpx

from tests.system.conftest import (
    WAIT_S,
    events_until_judged,
    is_alive,
    processes_of,
    reference,
    started,
    submission,
)

if TYPE_CHECKING:
    from tests.system.conftest import System

SLOW = "import time\ntime.sleep(0.8)\n"


def restarts(system: System) -> dict[str, int]:
    """Return how often each daemon was started again."""
    daemons: dict[str, Any] = system.status()["daemons"]
    return {
        name: sum(instance["restarts"] for instance in daemon["instances"])
        for name, daemon in daemons.items()
    }


def test_worker_killed_while_judging_is_replaced_and_its_submission_judged(
    own_system: System,
) -> None:
    """The interrupted submission is judged once by the new worker, as its second attempt."""
    code = SLOW + reference("two-sum", "accepted", ".py")
    with own_system.http() as http, own_system.socket("u1") as client:
        answer = http.post("/submissions", json=submission(code)).json()
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] != "submission.compiled":
            events.append(json.loads(client.recv(timeout=WAIT_S)))
        own_system.kill("worker")
        events += events_until_judged(client)
        judged = http.get(f"/submissions/{answer['id']}").json()
    kinds = [event["type"].removeprefix("submission.") for event in events]
    assert kinds.count("judged") == 1
    assert "requeued" in kinds
    assert judged["verdict"] == "accepted"
    assert judged["attempt"] == 2
    assert restarts(own_system) == {"store": 0, "gateway": 0, "worker": 1, "api": 0}


def test_store_killed_comes_back_with_its_data_and_ends_nobody(own_system: System) -> None:
    """The API says 503 with Retry-After meanwhile; no other daemon ends because of it."""
    good = reference("two-sum", "accepted", ".py")
    with own_system.http() as http, own_system.socket("u1") as client:
        before = http.post("/submissions?wait=60", json=submission(good)).json()
        assert before["verdict"] == "accepted"
        events_until_judged(client)
        own_system.kill("store")
        answers = []
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            answers.append(http.post("/submissions", json=submission(good)))
            if answers[-1].status_code == 202:
                break
        refused = [answer for answer in answers if answer.status_code != 202]
        assert answers[-1].status_code == 202
        assert all(answer.status_code == 503 for answer in refused)
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        assert events_until_judged(client)[-1]["verdict"] == "accepted"
        assert http.get(f"/submissions/{before['id']}").json() == before
    assert restarts(own_system) == {"store": 1, "gateway": 0, "worker": 0, "api": 0}


def test_gateway_killed_resumes_without_a_gap(own_system: System) -> None:
    """A client that reconnects with `after` gets what was published while nobody listened."""
    good = reference("two-sum", "accepted", ".py")
    with own_system.http() as http:
        with own_system.socket("u1") as client:
            http.post("/submissions", json=submission(good))
            seen = json.loads(client.recv(timeout=WAIT_S))
            pid = own_system.kill("gateway")
        http.post("/submissions?wait=60", json=submission(good))
        own_system.wait(lambda: own_system.pid("gateway") not in (pid, None), "a new gateway")
        own_system.wait_ready()
        with own_system.socket(json.dumps({"user_id": "u1", "after": seen["id"]})) as client:
            events = [seen, *events_until_judged(client), *events_until_judged(client)]
    assert [event["prev"] for event in events[1:]] == [event["id"] for event in events[:-1]]
    assert [event["type"] for event in events].count("submission.judged") == 2


def test_api_killed_is_replaced_on_the_same_address(own_system: System) -> None:
    """The supervisor owns the socket, so the address stays and a waiting connection is served."""
    address = own_system.listen("api")
    own_system.kill("api")
    with httpx.Client(base_url=f"http://{address}", timeout=WAIT_S) as http:
        assert http.get("/healthz").status_code == 200
        judged = http.post("/submissions?wait=60", json=submission("print(1)")).json()
    assert judged["status"] == "done"


def test_stop_leaves_no_process_behind(own_system: System) -> None:
    """SIGTERM to `gavel up` ends every daemon and what they started, and exits 0."""
    processes = processes_of(own_system.up.pid)
    # The supervisor, four daemons, and the worker's launcher and boxes.
    assert len(processes) > 6
    own_system.up.terminate()
    assert own_system.up.wait(WAIT_S) == 0
    assert [each for each in processes if is_alive(each)] == []
    assert not (own_system.folder / "var" / "supervisor.sock").exists()


def test_supervisor_killed_takes_everything_with_it_and_starts_anew(own_system: System) -> None:
    """SIGKILL of `gavel up`: all ends by itself; a new one serves the same data at once."""
    with own_system.http() as http:
        before = http.post("/submissions?wait=60", json=submission("print(1)")).json()
    processes = processes_of(own_system.up.pid)
    own_system.up.kill()
    own_system.up.wait()
    with started(own_system.folder) as again, again.http() as http:
        assert http.get(f"/submissions/{before['id']}").json() == before
        own_system.wait(lambda: not any(map(is_alive, processes)), "the old have ended")
