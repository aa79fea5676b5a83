"""The users of the chaos test: they submit until they are answered 202, and watch all the time.

Now and then one takes back what he has just sent in, or has judged again what was judged.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import httpx2
import trio
from trio_websocket import ConnectionClosed, HandshakeError, wrap_client_stream
from wsproto.utilities import LocalProtocolError

#: Judged within some 0.1 s; the slow one is there to be killed in the middle of.
PROGRAMS = (
    "print(1)",
    "import time\ntime.sleep(0.3)\nprint(1)",
    "raise SystemExit(3)",
    "print(",
)
FINAL = ("submission.judged", "submission.cancelled")
_RETRY_S = 0.1
_TIMEOUT_S = 5.0
_PATIENCE_S = 2.0
#: How often a watcher hangs up by himself, though nobody ended him.
STAY_S = (1.0, 6.0)
#: From the first packet to `ready`. trio-websocket's handshake would wait for ever on a connection
#: that is reset in the middle of it.
_CONNECT_S = 20.0
#: How likely a user cancels a submission while it is young, and has one judged again.
_CANCEL_CHANCE = 0.1
_CANCEL_AFTER_S = (0.0, 0.5)
_REJUDGE_CHANCE = 0.1


class User:
    """One user: what he was promised and what he was told.

    Args:
        name: his id. seed: of his random choices.
        stay_s: bounds of how long he listens before he hangs up by himself.
    """

    def __init__(self, name: str, seed: str, stay_s: tuple[float, float] = STAY_S) -> None:
        self.name = name
        self._stay_s = stay_s
        self.random = random.Random(f"{seed}:{name}")
        #: Ids that were answered 202.
        self.accepted: set[str] = set()
        #: Those whose cancelling was answered 200, and how often each rejudging was answered 202.
        self.cancelled: set[str] = set()
        self.rejudged: Counter[str] = Counter()
        #: Events by id, as they came; and how many came twice.
        self.events: dict[int, dict[str, Any]] = {}
        self.repeated = 0
        #: Requests that got a 503 or no answer; and those of them that were not waited for any longer.
        self.refused = 0
        self.late = 0
        self.reconnects = 0
        #: How often a gateway told him `ready`.
        self.greeted = 0
        #: Why a gateway could not tell all that was missed.
        self.warned: Counter[str] = Counter()
        self._last: int | None = None
        #: Ids that he was told the end of.
        self.over: set[str] = set()
        self._told = trio.Event()

    async def submit(self, api: str, until: trio.Event) -> None:
        """Submit one program after the other, each until it is answered 202."""
        async with httpx2.AsyncClient(base_url=f"http://{api}", timeout=_TIMEOUT_S) as client:
            number = 0
            while not until.is_set():
                number += 1
                submission_id = await self.submit_one(client, f"{self.name}-{number}")
                if self.random.random() < _CANCEL_CHANCE:
                    await trio.sleep(self.random.uniform(*_CANCEL_AFTER_S))
                    if await self._ask(client, "DELETE", f"/submissions/{submission_id}"):
                        self.cancelled.add(submission_id)
                # A user of patience: no backlog grows that the end would have to wait for.
                with trio.move_on_after(_PATIENCE_S):
                    while submission_id not in self.over:
                        await self._told.wait()
                if self.random.random() < _REJUDGE_CHANCE:
                    again = await self._ask(client, "POST", f"/submissions/{submission_id}/rejudge")
                    self.rejudged[submission_id] += again

    async def _ask(self, client: httpx2.AsyncClient, method: str, path: str) -> bool:
        """Ask until it is granted, or refused because the submission has moved on, or is lost.

        A loss is for the check to find: some systems may lose what was not promised to be kept.
        """
        while True:
            answer = await self._request(client, method, path)
            if answer.status_code != 503:
                assert answer.status_code in (200, 202, 404, 409), answer.text
                return answer.is_success
            await trio.sleep(_RETRY_S)

    async def submit_one(
        self, client: httpx2.AsyncClient, key: str, code: str | None = None
    ) -> str:
        """Submit *code*, or any of `PROGRAMS`, until it is answered 202; return the id."""
        body = {
            "problem_id": "two-sum",
            "user_id": self.name,
            "language": "python",
            "code": code or self.random.choice(PROGRAMS),
        }
        headers = {"Idempotency-Key": key}
        while True:
            answer = await self._request(client, "POST", "/submissions", json=body, headers=headers)
            if answer.status_code == 202:
                submission_id: str = answer.json()["id"]
                self.accepted.add(submission_id)
                return submission_id
            assert answer.status_code == 503, f"{answer.status_code}: {answer.text}"
            await trio.sleep(_RETRY_S)

    async def _request(
        self, client: httpx2.AsyncClient, method: str, path: str, **what: Any
    ) -> httpx2.Response:
        """Send one request and return its answer; a lost one is a 503."""
        try:
            answer = await client.request(method, path, **what)
        except httpx2.TransportError as exc:
            self.late += isinstance(exc, httpx2.TimeoutException)
            answer = httpx2.Response(503)
        self.refused += answer.status_code == 503
        return answer

    async def watch(self, gateway: str, until: trio.Event) -> None:
        """Listen, come back after each loss with the last id seen, hang up now and then."""
        while not until.is_set():
            try:
                await self._listen(gateway)
            except* (
                *(ConnectionClosed, HandshakeError, OSError, trio.BrokenResourceError),
                trio.TooSlowError,
                # trio-websocket answers a ping that comes as it hangs up, and fails of it.
                LocalProtocolError,
            ):
                await trio.sleep(_RETRY_S)
            self.reconnects += 1

    async def _listen(self, gateway: str) -> None:
        """Listen on one socket until it is lost, or he hangs up."""
        host, port = gateway.rsplit(":", 1)
        first = json.dumps({"user_id": self.name, "after": self._last or 0})
        # trio-websocket leaves the stream of a failed handshake open, so it is opened here.
        async with (
            await trio.open_tcp_stream(host, int(port)) as stream,
            trio.open_nursery() as own,
        ):
            with trio.fail_after(_CONNECT_S):
                socket = await wrap_client_stream(own, stream, gateway, "/")
                await socket.send_message(first)
                self._hear(json.loads(await socket.get_message()))
            with trio.move_on_after(self.random.uniform(*self._stay_s)):
                while True:
                    self._hear(json.loads(await socket.get_message()))
            await socket.aclose()

    def _hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "ready":
            self.greeted += 1
            self.warned[event.get("reason", "")] += not event["recovered"]
            return
        self.repeated += event["id"] in self.events
        self.events[event["id"]] = event
        self._last = max(self._last or 0, event["id"])
        if event["type"] in FINAL:
            self.over.add(event["submission_id"])
            self._told.set()
            self._told = trio.Event()
