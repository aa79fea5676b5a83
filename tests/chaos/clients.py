"""The users of the chaos test: they submit until they are answered 202, and watch all the time."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx2
import trio
from trio_websocket import ConnectionClosed, HandshakeError, wrap_client_stream

#: Judged within some 0.1 s; the slow one is there to be killed in the middle of.
PROGRAMS = (
    "print(1)",
    "import time\ntime.sleep(0.3)\nprint(1)",
    "raise SystemExit(3)",
    "print(",
)
_RETRY_S = 0.1
_TIMEOUT_S = 5.0
_PATIENCE_S = 2.0
#: How often a watcher hangs up by himself, though nobody ended him.
_STAY_S = (1.0, 6.0)


class User:
    """One user: what he was promised and what he was told."""

    def __init__(self, name: str, seed: str) -> None:
        self.name = name
        self.random = random.Random(f"{seed}:{name}")
        #: Ids that were answered 202.
        self.accepted: set[str] = set()
        #: Events by id, as they came; and how many came twice.
        self.events: dict[int, dict[str, Any]] = {}
        self.repeated = 0
        self.refused = 0
        self.reconnects = 0
        self._last: int | None = None
        self._judged: set[str] = set()
        self._told = trio.Event()

    async def submit(self, api: str, until: trio.Event) -> None:
        """Submit one program after the other, each until it is answered 202."""
        async with httpx2.AsyncClient(base_url=f"http://{api}", timeout=_TIMEOUT_S) as client:
            number = 0
            while not until.is_set():
                number += 1
                submission_id = await self._submit_one(client, f"{self.name}-{number}")
                # A user of patience: no backlog grows that the end would have to wait for.
                with trio.move_on_after(_PATIENCE_S):
                    while submission_id not in self._judged:
                        await self._told.wait()

    async def _submit_one(self, client: httpx2.AsyncClient, key: str) -> str:
        body = {
            "problem_id": "two-sum",
            "user_id": self.name,
            "language": "python",
            "code": self.random.choice(PROGRAMS),
        }
        while True:
            try:
                answer = await client.post(
                    "/submissions", json=body, headers={"Idempotency-Key": key}
                )
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code == 202:
                submission_id: str = answer.json()["id"]
                self.accepted.add(submission_id)
                return submission_id
            if answer is not None and answer.status_code != 503:
                raise AssertionError(f"{answer.status_code}: {answer.text}")
            self.refused += 1
            await trio.sleep(_RETRY_S)

    async def watch(self, gateway: str, until: trio.Event) -> None:
        """Listen, come back after each loss with the last id seen, hang up now and then."""
        while not until.is_set():
            try:
                await self._listen(gateway)
            except* (ConnectionClosed, HandshakeError, OSError, trio.BrokenResourceError):
                await trio.sleep(_RETRY_S)
            self.reconnects += 1

    async def _listen(self, gateway: str) -> None:
        """Listen on one socket until it is lost, or he hangs up."""
        host, port = gateway.rsplit(":", 1)
        # trio-websocket leaves the stream of a failed handshake open, so it is opened here.
        async with (
            await trio.open_tcp_stream(host, int(port)) as stream,
            trio.open_nursery() as own,
        ):
            socket = await wrap_client_stream(own, stream, gateway, "/")
            await socket.send_message(json.dumps({"user_id": self.name, "after": self._last or 0}))
            with trio.move_on_after(self.random.uniform(*_STAY_S)):
                while True:
                    self._hear(json.loads(await socket.get_message()))
            await socket.aclose()

    def _hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "ready":
            return
        self.repeated += event["id"] in self.events
        self.events[event["id"]] = event
        self._last = max(self._last or 0, event["id"])
        if event["type"] == "submission.judged":
            self._judged.add(event["submission_id"])
            self._told.set()
            self._told = trio.Event()
