"""One RESP3 connection on a Trio stream: commands go out in order, replies come back in order.

Theory of operation. Any number of tasks share a connection. `Connection.call` hands its bytes to
the kernel at once (or to the flusher, when the kernel takes no more or the stream is TLS) and waits
in line for its reply; one reader task takes replies off the wire and wakes the first in line. So a
caller never touches the stream, and cancelling one can neither tear a command nor shift the replies
behind it: its place in the line stays, and the reply that comes for it is dropped.

Four things end a connection, and all of them fail every caller in line with `StoreUnavailable`: the
peer closes it, the bytes are no RESP, the server is no primary any more, or a reply takes longer
than `reply_s`, whether or not its caller is still there. Nothing is ever sent again by itself.
"""

from __future__ import annotations

import os
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
import outcome
import trio

from daemons.broker.errors import StoreUnavailable
from daemons.broker.replies import error_of

Argument = str | bytes | int | float

_RECEIVE_BYTES = 65536
#: Told apart from every reply, None and False among them.
_NOT_YET = object()


def pack(args: Sequence[Argument]) -> bytes:
    """Return one command as the server reads it."""
    packed: bytes = hiredis.pack_command(tuple(args))  # type: ignore[arg-type]  # stub: one argument
    return packed


class _Waiter:
    """One caller's place in the line: it expects *count* replies."""

    __slots__ = ("count", "deadline", "replies", "task")

    def __init__(self, count: int, deadline: float) -> None:
        self.count = count
        self.deadline = deadline
        self.replies: list[Any] = []
        self.task: trio.lowlevel.Task | None = None


class Connection:
    """A live connection; `greeting.connect` makes one, `run` keeps it alive.

    *on_push* gets each push message (pub/sub) as a list, in the reader's task, and must not block.
    """

    def __init__(
        self, stream: trio.abc.Stream, *, reply_s: float, on_push: Callable[[list[Any]], None]
    ) -> None:
        self._stream = stream
        # TLS has to see the bytes first; a plain socket takes them without waking another task.
        self._fd = stream.socket.fileno() if isinstance(stream, trio.SocketStream) else None
        self._reply_s = reply_s
        self._on_push = on_push
        self._line: deque[_Waiter] = deque()
        self._outbox: deque[bytes] = deque()
        self._outbox_filled = trio.Event()
        self._failure: StoreUnavailable | None = None
        self._closed = trio.Event()

    @property
    def failure(self) -> StoreUnavailable | None:
        """Why this connection is of no more use; None while it is."""
        return self._failure

    async def wait_failed(self) -> None:
        """Wait until this connection is of no more use."""
        await self._closed.wait()

    async def command(self, *args: Argument) -> Any:
        """Send one command and return its bare reply; errors as for `call`."""
        return await self.call(pack(args))

    async def call(self, packed: bytes, count: int = 1) -> Any:
        """Send one command, or *count* at once, and return the reply or the list of replies.

        Server errors come back as exceptions: raised for one command, in the list for several.

        Raises:
            StoreUnavailable: the connection failed before the last reply; whether the commands took
                effect is not known.
            ResponseError: the server refused the one command.
        """
        if self._failure is not None:
            raise StoreUnavailable(str(self._failure))
        waiter = _Waiter(count, trio.current_time() + self._reply_s)
        self._line.append(waiter)
        self._send(packed)
        await self._wait(waiter)
        if count > 1:
            return waiter.replies
        reply = waiter.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def post(self, *args: Argument) -> None:
        """Send a command that is answered by pushes alone: SUBSCRIBE, UNSUBSCRIBE."""
        if self._failure is None:
            self._send(pack(args))

    async def run(self) -> None:
        """Read replies and flush commands until the connection fails; always closes it."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._flush)
                nursery.start_soon(self._read)
                nursery.start_soon(self._watch)
                await self._closed.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.fail("the connection was closed")
            await trio.aclose_forcefully(self._stream)

    def fail(self, reason: str) -> None:
        """End the connection: every caller in line gets `StoreUnavailable` with *reason*."""
        if self._failure is not None:
            return
        self._failure = StoreUnavailable(reason)
        self._closed.set()
        while self._line:
            _wake(self._line.popleft(), outcome.Error(StoreUnavailable(reason)))

    def _send(self, packed: bytes) -> None:
        if self._fd is not None and not self._outbox:
            try:
                sent = os.write(self._fd, packed)
            except BlockingIOError:
                sent = 0
            except (BrokenPipeError, ConnectionResetError):
                return  # the reader is about to hear of it too, and of the server's reason if any
            except OSError as exc:
                # Nothing went out, so the next reply would come to the wrong place in the line.
                self.fail(f"the connection broke: {exc}")
                return
            if sent == len(packed):
                return
            packed = packed[sent:]
        self._outbox.append(packed)
        self._outbox_filled.set()

    async def _wait(self, waiter: _Waiter) -> None:
        if self._failure is not None:
            raise StoreUnavailable(str(self._failure))
        waiter.task = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            waiter.task = None  # keep the place in line; drop what comes for it
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    async def _flush(self) -> None:
        while True:
            await self._outbox_filled.wait()
            try:
                while self._outbox:
                    # It stays at the head until it is out, so that nobody sends past it.
                    await self._stream.send_all(self._outbox[0])
                    self._outbox.popleft()
            except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
                self.fail(f"the connection broke: {cause_of(exc)}")
                return
            self._outbox_filled = trio.Event()

    async def _read(self) -> None:
        reader = hiredis.Reader(notEnoughData=_NOT_YET)
        try:
            while data := await self._stream.receive_some(_RECEIVE_BYTES):
                reader.feed(bytes(data))
                while (reply := reader.gets()) is not _NOT_YET:
                    self._deliver(reply)
        except (trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError) as exc:
            self.fail(f"the connection broke: {cause_of(exc)}")
        except hiredis.ProtocolError as exc:
            self.fail(f"the store does not speak RESP: {exc}")
        else:
            self.fail("the store closed the connection")

    async def _watch(self) -> None:
        """Fail the connection when the reply that is due next comes too late.

        All limits are alike, so deadlines rise along the line, and whoever joins while this sleeps
        has a later one: no call has to wake it.
        """
        while True:
            now = trio.current_time()
            due = self._line[0].deadline if self._line else now + self._reply_s
            if due <= now:
                self.fail(f"the store gave no reply within {self._reply_s:g} s")
            await trio.sleep_until(due)

    def _deliver(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            self._on_push(list(reply))
            return
        if not self._line:
            # An error without a question is a farewell: too many clients, protected mode, shutdown.
            self.fail(f"the store said: {reply!r}")
            return
        if isinstance(reply, hiredis.ReplyError):
            reply = error_of(reply)
            if isinstance(reply, StoreUnavailable) and "READONLY" in str(reply):
                # A failover made it a replica: only a new look-up of the address finds the primary.
                self.fail(str(reply))
                return
        waiter = self._line[0]
        waiter.replies.append(reply)
        if len(waiter.replies) == waiter.count:
            self._line.popleft()
            _wake(waiter, outcome.Value(None))


def _wake(waiter: _Waiter, result: outcome.Outcome[None]) -> None:
    if waiter.task is not None:
        task, waiter.task = waiter.task, None
        trio.lowlevel.reschedule(task, result)


def cause_of(exc: Exception) -> str:
    """Return what the system said, which Trio keeps behind an error of its own."""
    match exc.__cause__:
        case ExceptionGroup(exceptions=attempts):
            return "; ".join(map(str, attempts))
        case Exception() as cause if isinstance(exc, trio.BrokenResourceError):
            return str(cause)
    return str(exc)
