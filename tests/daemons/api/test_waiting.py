"""`?wait=` holds the answer until the verdict is there, and never longer than it was told."""

from __future__ import annotations

import json
import socket

import pytest
import trio

from daemons.broker import open_broker
from protocol import keys
from protocol.messages import Verdict
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, Worker, until
from tests.daemons.api.test_bad_input import check_problem


async def send(api: Api, path: str, body: object) -> trio.SocketStream:
    """Send a POST by hand and return the open connection."""
    stream = await trio.open_tcp_stream("127.0.0.1", api.port)
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    await stream.send_all(head.encode() + data)
    return stream


async def wait_for_submissions(api: Api, count: int) -> list[str]:
    """Return the ids of u1's submissions once there are *count* of them."""
    while True:
        page = (await api.get("/submissions?user_id=u1")).json()["submissions"]
        if len(page) == count:
            return [submission["id"] for submission in page]
        await trio.sleep(0.01)


async def test_wait_answers_with_the_verdict(api: Api, worker: Worker) -> None:
    """A submission judged in time is answered with 200 and its verdict."""
    answers = []

    async def submit() -> None:
        answers.append(await api.post(GOOD, params={"wait": "60"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        await worker.judge(Verdict.WRONG_ANSWER)
    (answer,) = answers
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["verdict"]) == ("done", "wrong_answer")
    assert answer.headers["Location"] == f"/submissions/{answer.json()['id']}"


async def test_wait_minds_only_its_own_submission(api: Api, worker: Worker) -> None:
    """Another submission's verdict, of the same user, ends no wait."""
    answers = []

    async def submit() -> None:
        answers.append(await api.post(GOOD, params={"wait": "60"}))

    first = (await api.post(GOOD)).json()["id"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        await wait_for_submissions(api, 2)
        assert await worker.judge() == first
        second = await worker.judge()
    assert answers[0].json()["id"] == second


async def test_wait_passes_over_what_is_no_event(
    api: Api, worker: Worker, store: StoreProcess
) -> None:
    """Whatever anybody publishes on a user's channel, the wait goes on to the verdict."""
    answers = []

    async def submit() -> None:
        answers.append(await api.post(GOOD, params={"wait": "60"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        [id_] = await wait_for_submissions(api, 1)
        async with open_broker(store.config(), name="stranger") as stranger:
            for junk in (id_, f'{{"submission_id":"{id_}"}}', f'["{id_}"]', f"\xff{id_}"):
                assert await stranger.redis.call(("PUBLISH", keys.events(0, "u1"), junk)) >= 1
        await worker.judge()
    assert (answers[0].status_code, answers[0].json()["status"]) == (200, "done")


async def test_wait_ends_when_a_submission_is_cancelled(api: Api) -> None:
    """A cancelled submission is done, too."""
    answers = []

    async def submit() -> None:
        answers.append(await api.post(GOOD, params={"wait": "60"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        (submission_id,) = await wait_for_submissions(api, 1)
        await api.client.delete(f"/submissions/{submission_id}")
    assert (answers[0].status_code, answers[0].json()["status"]) == (200, "cancelled")


async def test_wait_answers_202_when_time_is_up(api: Api) -> None:
    """A submission that nobody judged in time is answered with 202, as it stands."""
    answer = await api.post(GOOD, params={"wait": "0.05"})

    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"


async def test_wait_of_a_repeated_request_answers_at_once(api: Api, worker: Worker) -> None:
    """With a key whose submission is judged already there is nothing to wait for."""
    key = {"Idempotency-Key": "k"}
    await api.post(GOOD, headers=key)
    await worker.judge()

    answer = await api.post(GOOD, headers=key, params={"wait": "60"})
    assert (answer.status_code, answer.json()["verdict"]) == (200, "accepted")


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
async def test_wait_outlives_its_client(api: Api, worker: Worker, reset: bool) -> None:
    """A client that goes away while it waits has submitted nevertheless, and nobody else notices."""
    stream = await send(api, "/submissions?wait=60", GOOD)
    (submission_id,) = await wait_for_submissions(api, 1)
    if reset:
        linger = b"\1\0\0\0\0\0\0\0"
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    await stream.aclose()

    assert await worker.judge() == submission_id
    document = (await api.get(f"/submissions/{submission_id}")).json()
    assert document["verdict"] == "accepted"


async def test_write_that_has_begun_outlives_its_client(api: Api, store: StoreProcess) -> None:
    """A client that goes away while the store writes has submitted: the write is not cut off."""
    async with open_broker(store.config(), name="test") as broker:
        await api.post({**GOOD, "user_id": "u2"})  # both are connected, their scripts in place
        await broker.ping()
        await broker.redis.call(("CLIENT", "PAUSE", 60_000, "WRITE"))
        stream = await send(api, "/submissions", GOOD)

        async def is_writing() -> bool:
            clients = await broker.redis.call(("INFO", "clients"))
            return b"blocked_clients:1" in clients

        await until(is_writing)
        await stream.aclose()
        # A request that comes later is answered later, so the API has seen the client go.
        await api.get("/healthz")
        await broker.redis.call(("CLIENT", "UNPAUSE"))

    assert len(await wait_for_submissions(api, 1)) == 1


async def test_wait_is_answered_when_the_api_stops(api: Api) -> None:
    """Who waits when the API is asked to stop gets a 202 at once, not a cut connection."""
    answers = []

    async def submit() -> None:
        answers.append(await api.post(GOOD, params={"wait": "60"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        await wait_for_submissions(api, 1)
        api.service.stopping.set()
    assert answers[0].status_code == 202
    assert answers[0].json()["status"] == "queued"


async def test_wait_survives_a_lost_store(api: Api, store: StoreProcess, worker: Worker) -> None:
    """A store that dies and comes back while somebody waits costs him nothing but time."""
    answers = []

    async def submit() -> None:
        answers.append(await api.post(GOOD, params={"wait": "60"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        await wait_for_submissions(api, 1)
        store.kill()
        store.start()
        await worker.judge()
    assert (answers[0].status_code, answers[0].json()["verdict"]) == (200, "accepted")


async def test_wait_needs_the_store_to_begin(
    api: Api, store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a store there is no subscription, and nothing is half begun: 503."""
    monkeypatch.setattr("daemons.broker.events._CONFIRM_S", 0.1)
    store.kill()

    check_problem(await api.post(GOOD, params={"wait": "5"}), 503, "store-unavailable")
