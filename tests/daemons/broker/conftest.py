"""A proxy that misbehaves on demand, real servers behind it, and clients that wait bounded."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from daemons.broker import Broker, Claim, Claims, Lease, open_broker
from daemons.config import Config, Store, Worker
from protocol import keys
from protocol.messages import Status, SubmissionRequest
from tests.conftest import SERVERS, StoreProcess

#: More than any wait of these tests should take; a test that needs it has failed.
PATIENCE_S = 120.0
REQUEST = SubmissionRequest(problem_id="two-sum", user_id="u1", language="python", code="print(1)")


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Let a subscription take its time on a machine that stands still for a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daemons.broker.events._CONFIRM_S", PATIENCE_S)
        yield


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds."""
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  # what a server does sets no event of ours
            await trio.sleep(0.002)


class Proxy:
    """Stands on a TCP port before a server's unix socket and does to the traffic what it is told.

    Attributes:
        delay_s: how long each piece of a reply is held back.
        reply_bytes: after so many more bytes of replies the connection is cut, once; None: never.
        blackhole: swallow everything in both directions, as a partition does.
        refusing: hang up on whoever connects.
        accepted: how many connections there have been.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._links: set[tuple[trio.CancelScope, trio.SocketStream]] = set()
        self.delay_s = 0.0
        self.reply_bytes: int | None = None
        self.blackhole = False
        self.refusing = False
        self.accepted = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self.port}"

    async def serve(self, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await trio.serve_listeners(self._link, listeners, task_status=task_status)

    def cut(self) -> None:
        """Reset all connections."""
        for scope, _ in list(self._links):
            scope.cancel()

    def lead_to(self, path: str) -> None:
        """Lead to another server from now on."""
        self._path = path
        self.cut()

    async def half_close(self) -> None:
        """Send every client the server's end of file, and go on reading from it."""
        for _, client in list(self._links):
            await client.send_eof()

    async def _link(self, client: trio.SocketStream) -> None:
        self.accepted += 1
        async with client:
            if self.refusing:
                return
            try:
                server = await trio.open_unix_socket(self._path)
            except OSError:
                return  # nobody is there just now: so it is to the client
            async with server, trio.open_nursery() as nursery:
                link = nursery.cancel_scope, client
                self._links.add(link)
                try:
                    nursery.start_soon(self._pump, client, server, nursery.cancel_scope, False)
                    await self._pump(server, client, nursery.cancel_scope, True)
                finally:
                    self._links.discard(link)

    async def _pump(
        self,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        scope: trio.CancelScope,
        replies: bool,
    ) -> None:
        try:
            while data := await source.receive_some(65536):
                if replies and self.delay_s:
                    await trio.sleep(self.delay_s)
                if self.blackhole:
                    continue
                if replies and self.reply_bytes is not None:
                    data = data[: self.reply_bytes]
                    # Settled before anything is awaited: another link must lose none of its bytes.
                    left = self.reply_bytes - len(data)
                    self.reply_bytes = left or None
                    await sink.send_all(data)
                    if not left:
                        break
                    continue
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # one side is gone: so goes the other
        if self.blackhole:
            await trio.sleep_forever()  # a partition does not tell of a closed connection either
        scope.cancel()


@asynccontextmanager
async def open_proxy(store: StoreProcess) -> AsyncIterator[Proxy]:
    """Put a proxy before *store*."""
    proxy = Proxy(str(store.socket))
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.serve)
        yield proxy
        nursery.cancel_scope.cancel()


@pytest.fixture
async def proxy(store: StoreProcess) -> AsyncIterator[Proxy]:
    """Give a proxy before the embedded store."""
    async with open_proxy(store) as proxy:
        yield proxy


@pytest.fixture(params=SERVERS)
def any_store(
    request: pytest.FixtureRequest, start_store: Callable[..., StoreProcess]
) -> StoreProcess:
    """Give a running store: the test runs once on each kind of server."""
    return start_store(server=request.param)


def config_of(url: str, **store: Any) -> Config:
    """Return a configuration whose store is at *url*."""
    return Config(store=msgspec.structs.replace(Store(url=url), **store))


def with_worker(broker: Broker, worker: Worker) -> Broker:
    """Return *broker* as one with other settings of the worker sees it."""
    other = copy.copy(broker)
    other.config = msgspec.structs.replace(broker.config, worker=worker)
    return other


class Desk:
    """A store and who works on it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.claims = Claims(broker, "w1")
        #: Whose process dies: it gives no sign of life after its claim.
        self.doomed = Claims(broker, "w0")
        #: Whose first failure is the last one.
        self.strict = Claims(with_worker(broker, Worker(tries=1)), "w2")

    async def submit(self, user_id: str = "u1", **more: Any) -> str:
        """Submit something and return its id."""
        request = SubmissionRequest(
            **({"problem_id": "p", "user_id": user_id, "language": "c", "code": "x"} | more)
        )
        return (await self.broker.submit(request)).submission.id

    async def hint(self, id_: str) -> bytes:
        """Return the hint that would claim a submission now."""
        seq = await self.broker.redis.call(("HGET", keys.submission(0, id_), "seq"))
        return seq + b"|" + id_.encode()

    async def claim(self, id_: str, claims: Claims | None = None) -> Claim:
        """Claim a submission."""
        claim = await (claims or self.claims).claim(0, await self.hint(id_))
        assert claim is not None
        return claim

    async def status(self, id_: str) -> Status:
        """Return where a submission stands."""
        submission = await self.broker.get(id_)
        assert submission is not None
        return submission.status

    async def history(self, user_id: str = "u1") -> list[dict[str, Any]]:
        """Return the events of a user."""
        return [json.loads(raw) for raw in (await self.broker.replay(user_id, None)).events]

    async def kinds(self, user_id: str = "u1") -> list[str]:
        """Return the kinds of a user's events."""
        events = await self.history(user_id)
        return [event["type"].removeprefix("submission.") for event in events]

    async def record(self, id_: str) -> dict[bytes, bytes]:
        """Return the whole hash of a submission."""
        found: dict[bytes, bytes] = await self.broker.redis.call(
            ("HGETALL", keys.submission(0, id_))
        )
        return found

    async def lease(self, id_: str) -> Lease:
        """Return the lease of a submission; one long over for a submission that has none."""
        found = [lease for lease in await self.claims.leases() if lease.submission_id == id_]
        return found[0] if found else Lease(0, id_, 1)


#: Each kind of server, and one that has no functions, as before Redis 7: scripts go by EVALSHA.
DESKS = {
    "valkey": ("valkey", ()),
    "redis": ("redis", ()),
    "evalsha": ("redis", ("--rename-command", "FUNCTION", "")),
}


@pytest.fixture(params=DESKS)
async def desk(
    request: pytest.FixtureRequest, start_store: Callable[..., StoreProcess]
) -> AsyncIterator[Desk]:
    """Give a desk on a store of its own: the test runs once on each kind of server."""
    server, options = DESKS[request.param]
    store = start_store(*options, server=server)
    with trio.fail_after(2 * PATIENCE_S):
        async with open_broker(store.config(), name="desk") as broker:
            yield Desk(broker)
