"""Who may run beside whom: any number of runs at a time, or one alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Floor:
    """Runs side by side, until one wants to be alone: then no other begins before it has run."""

    def __init__(self) -> None:
        self._running = 0
        self._is_alone = False
        self._want_alone = 0
        self._waiting = trio.lowlevel.ParkingLot()

    @asynccontextmanager
    async def enter(self, *, alone: bool) -> AsyncIterator[None]:
        """Run the block beside others, or *alone* once those that run have ended.

        Who is cancelled already does not enter.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if alone:
            await self._wait_for_others()
        else:
            while self._is_alone or self._want_alone:
                await self._waiting.park()
        self._running += 1
        self._is_alone = alone
        try:
            yield
        finally:
            self._running -= 1
            self._is_alone = False
            self._waiting.unpark_all()

    async def _wait_for_others(self) -> None:
        self._want_alone += 1
        try:
            while self._running:
                await self._waiting.park()
        finally:
            self._want_alone -= 1
            self._waiting.unpark_all()  # cancelled, nobody need wait for us
