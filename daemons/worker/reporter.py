"""Tell the steps of a judging while it goes on, without making it wait.

Steps are handed over synchronously; a task beside the judge sends what has gathered in `GATHER_S`
in one script. All steps of a fast submission travel with its verdict, in one round trip: each
script of its own would be a write to the disk in front of the verdict's, and an event by itself
for the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from daemons.broker import Claim, Claims, Step, StoreUnavailable
from daemons.broker.connection import Argument
from daemons.crashpoints import reach

#: Between tries while the store is away; the lease's end stops it.
_RETRY_S = 0.2
#: How long a step may wait for the next ones. Longer than a short program takes, and less than
#: anybody sees: a picture of a film stands for 40 ms.
GATHER_S = 0.02


class Reporter:
    """The steps of one claim; *on_fenced* is called once when the claim is not ours any more."""

    def __init__(
        self,
        claims: Claims,
        claim: Claim,
        on_fenced: Callable[[], None],
        gather_s: float = GATHER_S,
    ) -> None:
        self._claims = claims
        self._claim = claim
        self._on_fenced = on_fenced
        self._gather_s = gather_s
        self._sent = 0
        self._steps: list[Step] = []
        self._fields: dict[Argument, Argument] = {}
        self._told = trio.Event()

    def tell(self, fields: Sequence[Argument], step: Step) -> None:
        """Note a step and the record's new *fields* (name, value, ...)."""
        self._steps.append(step)
        self._fields.update(zip(fields[::2], fields[1::2], strict=True))
        self._told.set()

    @property
    def unsent(self) -> tuple[int, Sequence[Step]]:
        """The number of the first step that was not sent yet, and it and all after it."""
        return self._sent, self._steps

    async def run(self) -> None:
        """Send steps as they come, until cancelled.

        What was on its way then counts as unsent: the store knows by the number what it has told.
        """
        while True:
            await self._told.wait()
            await trio.sleep(self._gather_s)
            await self._send()

    async def _send(self) -> None:
        fields, steps = dict(self._fields), list(self._steps)
        flat = [part for item in fields.items() for part in item]
        try:
            ours = await self._claims.progress(self._claim, flat, self._sent, steps)
        except StoreUnavailable:
            await trio.sleep(_RETRY_S)
            return
        reach("worker.running")
        # More may have been told meanwhile: that stays.
        del self._steps[: len(steps)]
        self._sent += len(steps)
        self._fields = {
            name: value for name, value in self._fields.items() if fields.get(name) != value
        }
        if not self._steps:
            self._told = trio.Event()
        if not ours:
            self._on_fenced()
