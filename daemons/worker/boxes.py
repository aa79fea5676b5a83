"""Who has which box: one is taken for each submission, and idle ones help with a long one.

Theory of operation. The dispatcher reserves a box before it looks for a submission, so what it pops
is never kept waiting; the reservation names no box. An idle box may be lent to a submission that
has many tests. A loan is called back by cancelling what runs in it, which takes milliseconds: so
a lent box counts as good as free, and who borrows never keeps a newcomer out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import trio

from sandbox import Box

#: A box is lent when nobody has come for so many seconds: more than between two of a queue.
_QUIET_S = 0.05


class Loan:
    """A box that belongs to another, until *scope* is cancelled."""

    def __init__(self, box: Box, give_back: Callable[[], None]) -> None:
        self.box = box
        self._scope = trio.CancelScope()
        self._give_back = give_back

    @property
    def called_back(self) -> bool:
        """Whether the box is wanted back."""
        return self._scope.cancel_called

    def call_back(self) -> None:
        """Cancel what the borrower does."""
        self._scope.cancel(reason="the box is wanted")

    @contextmanager
    def use(self) -> Iterator[Box]:
        """Use the box in the block, which ends quietly where it is when the box is called back."""
        try:
            with self._scope:
                yield self.box
        finally:
            self._give_back()


class Boxes:
    """The boxes of one worker."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.count = len(boxes)
        self._free = list(boxes)
        self._loans: list[Loan] = []
        self._reserved = 0
        self._last_taken = trio.current_time()
        self._changed = trio.lowlevel.ParkingLot()

    async def reserve(self) -> None:
        """Wait until there is a box for the caller, who then calls `take` or `release`.

        Always a checkpoint: the dispatcher, which pops under a shield, hears here of a stop.
        """
        await trio.lowlevel.checkpoint()
        while len(self._free) + len(self._loans) <= self._reserved:
            await self._changed.park()
        self._reserved += 1

    def release(self) -> None:
        """Give a reservation up."""
        self._reserved -= 1
        self._changed.unpark_all()

    async def take(self) -> Box:
        """Turn a reservation into a box, calling back one that is lent if no other is free."""
        try:
            self._last_taken = trio.current_time()
            while not self._free:
                self._call_back()
                await self._changed.park()
            return self._free.pop()
        finally:
            self.release()

    def take_one(self, which: Callable[[Box], bool]) -> Box | None:
        """Take a free box of which *which* holds, if there is one."""
        for box in self._free:
            if which(box):
                self._free.remove(box)
                return box
        return None

    def give_back(self, box: Box) -> None:
        """Return what `take` gave."""
        self._free.append(box)
        self._changed.unpark_all()

    def borrow(self) -> Loan | None:
        """Return an idle box to use until it is wanted; None if there is none, or somebody came."""
        if not self._free or trio.current_time() - self._last_taken < _QUIET_S:
            return None
        box = self._free.pop()

        def give_back() -> None:
            self._loans.remove(loan)
            self.give_back(box)

        loan = Loan(box, give_back)
        self._loans.append(loan)
        return loan

    def _call_back(self) -> None:
        for loan in self._loans:
            if not loan.called_back:
                loan.call_back()
                return
