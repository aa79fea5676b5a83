"""Attack each box from inside, at the start and every hour, and close the one that does not hold.

Theory of operation. At the start a few rows of the threat table run in every box before the worker
serves, so that a missing layer is seen before any submission is. The whole short table follows when
nobody waits, and then every hour: a kernel that was patched, a setting that somebody changed, or
our own bug shows within that time. It takes about a second, so a worker that is never idle puts it
off, but not for long. A box in which a row got anywhere is closed until the worker starts anew;
what lets an attack through now and then is no confinement. A row that could not be run is another
matter: then the host is at fault, and the box is mended as after any run that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
import trio

from daemons.config import ConfigError
from sandbox import Box
from sandbox.attack import FIRST, SHORT, Attack, attack_box

log = structlog.get_logger()

_PERIOD_S = 3600.0
#: How much later a box is inspected for the sake of submissions that wait.
_PATIENCE_S = 600.0


class Inspector:
    """Knows which boxes are due, and which are closed and why.

    Args:
        boxes: The boxes of one worker.
        enabled: Whether boxes are attacked at all (`[sandbox] self_test`).
        tell: Takes a line for people when this worker can't go on.
    """

    def __init__(self, boxes: Sequence[Box], *, enabled: bool, tell: Callable[[str], None]) -> None:
        #: Why each closed box is closed, by its number.
        self.closed: dict[int, str] = {}
        self._tell = tell
        self._count = len(boxes)
        first_s = trio.current_time() if enabled else float("inf")
        self._due_s = {box.id: first_s for box in boxes}

    @property
    def reasons(self) -> tuple[str, ...]:
        """A line for each closed box."""
        return tuple(f"slot {number}: {reason}" for number, reason in sorted(self.closed.items()))

    def is_due(self, box: Box, *, idle: bool) -> bool:
        """Tell whether *box* is to be inspected now; *idle* means that no submission waits."""
        patience_s = 0.0 if idle else _PATIENCE_S
        return trio.current_time() >= self._due_s[box.id] + patience_s

    async def inspect(self, box: Box) -> bool:
        """Run all short rows in *box*; return whether they were contained, else it is closed.

        Raises:
            SandboxError: this host failed to run a row.
            ConfigError: this was the last box; the worker can't go on.
        """
        holds = await self._attack(box, SHORT)
        self._due_s[box.id] = trio.current_time() + _PERIOD_S
        return holds

    async def inspect_first(self, boxes: Sequence[Box]) -> None:
        """Run the rows that stand for the layers in all *boxes* at once; raises as `inspect`."""
        async with trio.open_nursery() as nursery:
            for box in boxes:
                nursery.start_soon(self._attack, box, FIRST)

    async def _attack(self, box: Box, attacks: Sequence[Attack]) -> bool:
        broken = [finding for finding in await attack_box(box, attacks=attacks) if finding.faults]
        if not broken:
            return True
        self.closed[box.id] = "; ".join(f"row {each.row}, {each.name}" for each in broken)
        for each in broken:
            log.critical(
                "slot closed",
                slot=box.id,
                row=each.row,
                tier=each.tier,
                rule=each.rule,
                seen=each.faults,
            )
        if len(self.closed) == self._count:
            reason = f"no slot left, attacks got through: {self.reasons[0]}; see `gavel doctor`"
            self._tell(reason)
            raise ConfigError(reason)
        return False
