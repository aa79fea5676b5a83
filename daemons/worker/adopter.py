"""Submit what foreign producers push: from then on it is a submission like any other.

Every worker does this beside judging, and whoever is first has the entry; see
`daemons.broker.adoption` for why none is lost or comes twice.
"""

from __future__ import annotations

import structlog
import trio

from daemons.broker import (
    Broker,
    Claims,
    ForeignList,
    ForeignListClosed,
    QueueFull,
    StoreUnavailable,
    TooManyOpen,
)
from daemons.problems import Problems
from daemons.worker.toolchains import Toolchain
from protocol import codec
from protocol.errors import RemoteProtocolError
from protocol.messages import SubmissionRequest, TutorialRequest

log = structlog.get_logger()

_RETRY_S = 0.5
#: When nothing can be adopted until somebody mends it, or the queue has room.
_CLOSED_S = 5.0


class Adopter:
    """Adopts for one worker, which knows *problems* and *toolchains*."""

    def __init__(
        self,
        broker: Broker,
        claims: Claims,
        problems: Problems,
        toolchains: dict[str, Toolchain],
    ) -> None:
        self._broker = broker
        self._claims = claims
        self._problems = problems
        self._toolchains = toolchains

    async def serve(self, foreign: ForeignList) -> None:
        """Adopt one entry after the other until cancelled, which loses none."""
        while True:
            try:
                entry = await foreign.oldest()
                if entry is not None:
                    await self.adopt(entry)
            except StoreUnavailable:
                await trio.sleep(_RETRY_S)
            except QueueFull:
                await trio.sleep(_CLOSED_S)  # they wait there as well as here
            except ForeignListClosed as exc:
                log.warning("foreign entries wait", reason=str(exc))
                await trio.sleep(_CLOSED_S)

    async def adopt(self, entry: bytes) -> None:
        """Submit *entry*, the list's oldest, or put it aside; nothing if another was faster.

        Raises:
            StoreUnavailable, ForeignListClosed: see there. QueueFull: it stays for later.
        """
        try:
            request = codec.decode(entry, TutorialRequest).full()
        except RemoteProtocolError as exc:
            await self._claims.reject_foreign(entry, str(exc))
            return
        reason = await self._why_not(request)
        if reason is None:
            try:
                await self._broker.adopt(entry, request)
            except TooManyOpen as exc:
                reason = str(exc)
        if reason is not None:
            await self._claims.reject_foreign(entry, reason)

    async def _why_not(self, request: SubmissionRequest) -> str | None:
        """Return why a foreign producer's request can't be judged; None if it can."""
        problem = await self._problems.find(request.problem_id)
        if problem is None:
            return f"unknown problem {request.problem_id!r}"
        if request.language not in self._toolchains:
            return f"unknown language {request.language!r}"
        if problem.languages is not None and request.language not in problem.languages:
            return f"problem {problem.id!r} does not take {request.language!r}"
        limit_bytes = self._broker.config.limits.code_bytes
        if problem.limits.code_bytes is not None:
            limit_bytes = min(limit_bytes, problem.limits.code_bytes)
        if len((request.code or "").encode()) > limit_bytes:
            return f"more than {limit_bytes} bytes of code"
        return None
