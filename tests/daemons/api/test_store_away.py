"""A store that is away is a 503 with `Retry-After`, never a 500, and its return is noticed."""

from __future__ import annotations

import signal

import pytest

from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, PATIENCE_S, Api, Worker, until
from tests.daemons.api.test_bad_input import check_problem

ID = "01JD0000000000000000000000"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/submissions", GOOD),
        ("POST", "/submit", {"problemId": "echo", "code": "x", "language": "python"}),
        ("GET", f"/submissions/{ID}", None),
        ("GET", "/submissions?user_id=u1", None),
        ("DELETE", f"/submissions/{ID}", None),
        ("POST", f"/submissions/{ID}/rejudge", None),
    ],
)
async def test_killed_store_is_503(
    api: Api, store: StoreProcess, method: str, path: str, body: object
) -> None:
    """Every route that needs the store says when to come back."""
    assert (await api.get(f"/submissions/{ID}")).status_code == 404
    store.kill()

    answer = await api.client.request(method, path, json=body)
    check_problem(answer, 503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_store_comes_back_with_its_data(api: Api, store: StoreProcess) -> None:
    """After a kill -9 of the store what was accepted is there, and new submissions are."""
    first = (await api.post(GOOD)).headers["Location"]
    store.kill()
    check_problem(await api.post(GOOD), 503, "store-unavailable")
    store.start()

    async def is_back() -> bool:
        return bool((await api.get("/readyz")).json()["checks"]["store"]["ok"])

    await until(is_back)
    assert (await api.get(first)).json()["status"] == "queued"
    assert (await api.post(GOOD)).status_code == 202


async def test_silent_store_is_503(
    api: Api, store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that hangs is as good as none: the API answers without it."""
    assert store.process is not None
    await api.post(GOOD)
    monkeypatch.setattr("daemons.api.store.READ_S", 0.1)
    store.process.send_signal(signal.SIGSTOP)
    try:
        answer = await api.get(f"/submissions/{ID}")
    finally:
        store.process.send_signal(signal.SIGCONT)

    check_problem(answer, 503, "store-unavailable")
    monkeypatch.setattr("daemons.api.store.READ_S", PATIENCE_S)

    async def is_taken() -> bool:
        return bool((await api.post(GOOD)).status_code == 202)

    await until(is_taken)


async def test_what_needs_no_store_goes_on(api: Api, store: StoreProcess) -> None:
    """Problems, liveness and the index do not depend on the store."""
    store.kill()

    for path in ("/", "/healthz", "/problems", "/problems/echo"):
        assert (await api.get(path)).status_code == 200


async def test_readyz_tells_each_state(api: Api, store: StoreProcess, worker: Worker) -> None:
    """`/readyz` is 503 until store, worker and problems are there, and says which is not."""
    document = check_problem(await api.get("/readyz"), 503, "not-ready")
    assert {name: check["ok"] for name, check in document["checks"].items()} == {
        "store": True,
        "workers": False,
        "problems": True,
    }

    await worker.show("python")
    answer = await api.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["checks"]["store"]["durability"] == "disk"

    store.kill()
    document = check_problem(await api.get("/readyz"), 503, "not-ready")
    assert document["checks"]["store"]["ok"] is False
