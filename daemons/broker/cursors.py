"""How far clients have got who do not say it themselves: kept per socket, for a bounded time.

A client that says `after` needs none of this. One that sends nothing but a user id is asked by
pings how far he has read; that is kept here, and when he comes back he goes on from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from daemons.broker.broker import Broker


class Proof(NamedTuple):
    """A socket of *user_id* has read everything up to the event *position*."""

    user_id: str
    socket: str
    position: int


class Cursors:
    """The positions in the store; each is forgotten *kept_s* after it was last proved.

    Every method raises `StoreUnavailable` while the store is away.
    """

    def __init__(self, broker: Broker, kept_s: float) -> None:
        self._broker = broker
        self._kept_ms = round(kept_s * 1000)

    async def resume(self, user_id: str, client: str, socket: str, *, borrow: bool) -> int:
        """Return the position from which *client*, by his new *socket*, goes on, and keep it.

        That is where he was, or of several clients of that name the least of where they were; for
        one who was nowhere it is the newest event, or with *borrow* the least position of all that
        a nameless client of the user has. *socket* is `<client>/<something of its own>`.
        """
        partition = self._broker.partition_of_user(user_id)
        answer = await self._broker.script(
            "resume", partition, user_id, client, socket, self._kept_ms, int(borrow)
        )
        return int(answer)

    async def prove(self, proofs: Iterable[Proof]) -> None:
        """Keep *proofs*, all of them or, if it raises, some."""
        by_partition: dict[int, list[str | int]] = defaultdict(list)
        for proof in proofs:
            by_partition[self._broker.partition_of_user(proof.user_id)] += proof
        for partition, arguments in by_partition.items():
            await self._broker.script("prove", partition, self._kept_ms, *arguments)
