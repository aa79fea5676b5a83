"""Where the clients of this process have got to, on its way to the store.

A pong proves that its client has read everything that was sent before the ping: TCP keeps the
order. Proofs are collected and written together, for on a busy gateway there are many; what is lost
with a killed process is at most `_GATHER_S` of them, and then a client gets some events twice,
which he can tell by their ids. He never gets one too few.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from contextlib import suppress

import trio

from daemons.broker import Broker, Cursors, Proof, StoreUnavailable
from daemons.logs import log
from protocol.frames import Hello

#: Between two writes of what was proved meanwhile.
_GATHER_S = 0.25
#: How long a new socket waits for what others have proved to be written.
_SETTLE_S = 1.0
#: A position is written anew when an eighth of its time is over, though nothing has changed.
_REFRESHES = 8


def client_name(hello: Hello, address: str, program: str) -> str:
    """Return by what a client is known again: the name he gives, or where and what he is.

    A nameless one is the same when he comes from the same address with the same program
    (`User-Agent`), which are kept as a hash.
    """
    if hello.client is not None:
        return f"+{hello.client}"
    seen = hashlib.blake2b(f"{address}\0{program}".encode(), digest_size=8)
    return f"-{seen.hexdigest()}"


class Cursor:
    """How far one socket has proved to have read."""

    __slots__ = ("_cursors", "_written_at", "position", "socket", "user_id")

    def __init__(self, cursors: ClientCursors, user_id: str, socket: str, position: int) -> None:
        self._cursors = cursors
        self._written_at = trio.current_time()
        self.user_id = user_id
        self.socket = socket
        #: The last event that is proved to have been read.
        self.position = position

    def renew(self) -> None:
        """Have the next proof written, whether or not it is news."""
        self._written_at = -math.inf

    def prove(self, position: int) -> None:
        """Note that everything up to *position* has been read, or still is."""
        now = trio.current_time()
        if position != self.position or now - self._written_at > self._cursors.refresh_s:
            self.position = position
            self._written_at = now
            self._cursors.put(Proof(self.user_id, self.socket, position))


class ClientCursors:
    """All cursors of this process; run `serve`, and `write` at the end.

    Args:
        kept_s: how long a client may be away and still be known.
    """

    def __init__(self, broker: Broker, kept_s: float) -> None:
        self._store = Cursors(broker, kept_s)
        self._unwritten: dict[str, Proof] = {}
        self._put = trio.Event()
        #: One write at a time: whoever has held it knows that all earlier proofs have arrived.
        self._writing = trio.Lock()
        self.refresh_s = kept_s / _REFRESHES

    def put(self, proof: Proof) -> None:
        """Take a proof to be written soon."""
        self._unwritten[proof.socket] = proof
        self._put.set()

    async def resume(self, user_id: str, client: str) -> Cursor:
        """Return the cursor of a new socket of *client*, which begins where he has got to.

        Raises:
            StoreUnavailable: the store is away.
        """
        # What his last socket proved may not be written yet. If it can't be, he gets that twice.
        with trio.move_on_after(_SETTLE_S), suppress(StoreUnavailable):
            await self.write()
        socket = f"{client}/{secrets.token_hex(6)}"
        borrow = client.startswith("-")
        position = await self._store.resume(user_id, client, socket, borrow=borrow)
        return Cursor(self, user_id, socket, position)

    async def serve(self) -> None:
        """Write proofs as they come, some at a time; never returns."""
        while True:
            await self._put.wait()
            self._put = trio.Event()
            try:
                await self.write()
            except StoreUnavailable as exc:
                log.debug("positions not written", error=str(exc))
                self._put.set()
            await trio.sleep(_GATHER_S)

    async def write_last(self) -> None:
        """Write what there is for the last time, if the store is there."""
        with suppress(StoreUnavailable):
            await self.write()

    async def write(self) -> None:
        """Write all proofs that there are; cancelled or failed, they are kept for the next time.

        A write that is on its way is waited for: when this returns, nothing is under way.

        Raises:
            StoreUnavailable: the store is away.
        """
        async with self._writing:
            writing, self._unwritten = self._unwritten, {}
            written = not writing
            try:
                if writing:
                    await self._store.prove(writing.values())
                    written = True
            finally:
                if not written:
                    # Of a socket that has proved more since, that counts.
                    self._unwritten = writing | self._unwritten
