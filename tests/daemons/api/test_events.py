"""Server-Sent Events of one submission: all of it, only it, to its end, and on after a break."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import trio

from daemons.broker import open_broker
from protocol.messages import Verdict
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, Worker, open_api
from tests.daemons.api.test_bad_input import check_problem


async def read_events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a stream: `id`, `event` and `data`."""
    fields: dict[str, Any] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = json.loads(value) if name in ("data", "id") else value
        elif fields:
            yield fields
            fields = {}


async def follow(api: Api, path: str, *, after: int | None = None) -> list[dict[str, Any]]:
    """Read a stream to its end."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with api.client.stream("GET", f"{path}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        return [event async for event in read_events(answer.aiter_lines())]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return the last part of each event's type."""
    return [event["event"].removeprefix("submission.") for event in events]


async def test_stream_tells_a_submission_to_its_end(api: Api, worker: Worker) -> None:
    """A stream opened before the verdict ends with it; another submission's events are not in it."""
    first, second = [(await api.post(GOOD)).headers["Location"] for _ in range(2)]
    told: list[dict[str, Any]] = []

    async def listen() -> None:
        told.extend(await follow(api, second))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await worker.judge(Verdict.WRONG_ANSWER, tests=1)
        await worker.judge(tests=2)
    assert kinds(told) == ["queued", "started", "test", "test", "judged"]
    assert {event["data"]["submission_id"] for event in told} == {second.rpartition("/")[2]}
    assert [event["id"] for event in told] == [event["data"]["id"] for event in told]
    assert kinds(await follow(api, first)) == ["queued", "started", "test", "judged"]


async def test_stream_goes_on_behind_the_last_event(api: Api, worker: Worker) -> None:
    """`Last-Event-ID` brings exactly the rest; when that is nothing, 204 ends the coming back."""
    path = (await api.post(GOOD)).headers["Location"]
    await worker.judge(tests=3)
    whole = await follow(api, path)

    for index, event in enumerate(whole[:-1]):
        assert await follow(api, path, after=event["id"]) == whole[index + 1 :]
    answer = await api.get(f"{path}/events", headers={"Last-Event-ID": str(whole[-1]["id"])})
    assert answer.status_code == 204


async def test_stream_tells_the_state_when_history_is_gone(
    api: Api, worker: Worker, store: StoreProcess
) -> None:
    """Where the events are trimmed, the state stands in for them."""
    path = (await api.post(GOOD)).headers["Location"]
    await worker.judge()
    async with open_broker(store.config(), name="trim") as broker:
        await broker.redis.call(("DEL", "ev:{0}:u1"))
    (event,) = await follow(api, path)
    assert event["event"] == "state"
    assert event["data"]["verdict"] == "accepted"


async def test_stream_ends_when_a_submission_is_cancelled(api: Api) -> None:
    """Cancelling is an end, too."""
    path = (await api.post(GOOD)).headers["Location"]
    told: list[dict[str, Any]] = []

    async def listen() -> None:
        told.extend(await follow(api, path))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        assert (await api.client.delete(path)).status_code == 200
    assert kinds(told) == ["queued", "cancelled"]


async def test_stream_ends_when_the_api_stops(store: StoreProcess) -> None:
    """A stop ends the stream in order, so the client comes back to another process."""
    async with open_api(store.config()) as api:
        path = (await api.post(GOOD)).headers["Location"]
        async with api.client.stream("GET", f"{path}/events") as answer:
            events = read_events(answer.aiter_lines())
            assert (await anext(events))["event"] == "submission.queued"
            api.service.stopping.set()
            assert [event async for event in events] == []


async def test_clients_that_leave_end_their_streams(api: Api, worker: Worker) -> None:
    """Nothing is left of a stream whose client has gone, and the next one gets everything."""
    path = (await api.post(GOOD)).headers["Location"]
    for _ in range(5):
        async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
            await stream.send_all(f"GET {path}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = b""
            while b"submission.queued" not in received:
                received += await stream.receive_some()
    await worker.judge()
    assert kinds(await follow(api, path)) == ["queued", "started", "judged"]


async def test_stream_of_nothing_is_404(api: Api) -> None:
    """What is not there has no events; a wrong id of an event is named."""
    check_problem(await api.get("/submissions/01JD0000000000000000000000/events"), 404, "not-found")
    path = (await api.post(GOOD)).headers["Location"]
    answer = await api.get(f"{path}/events", headers={"Last-Event-ID": "x"})
    document = check_problem(answer, 422, "invalid-input")
    assert document["errors"][0]["field"] == "Last-Event-ID"
