"""What this worker holds at the moment, and until when it may.

Each claim is judged inside a cancel scope whose deadline is the self-fence: a while before the
lease can end on the server. Every good heartbeat moves it on. So a worker that is cut off from the
store kills its runs by itself before anybody else may begin them, whatever else it waits for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from daemons.broker import Claim

#: The part of a lease after which a worker that heard nothing gives up: 13 of 15 s.
_FENCE_PART = 13 / 15


class Held:
    """One claim being judged. *why* says why its scope was cancelled, if it was by us."""

    def __init__(self, claim: Claim, scope: trio.CancelScope) -> None:
        self.claim = claim
        self.scope = scope
        self.why = ""

    def settle(self) -> None:
        """Lift the deadline: nothing runs any more, and the store refuses a result that is late."""
        self.scope.deadline = math.inf

    @property
    def settled(self) -> bool:
        """Whether nothing runs any more."""
        return self.scope.deadline == math.inf

    def drop(self, why: str) -> None:
        """Stop judging: ``fenced`` and ``cancelled`` need no word to the store, ``drain`` does."""
        self.why = self.why or why
        self.scope.cancel(reason=why)


class Holdings:
    """All claims being judged in this process."""

    def __init__(self, lease_s: float) -> None:
        self._fence_s = lease_s * _FENCE_PART
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def claims(self) -> list[Claim]:
        """Return the claims that are held now."""
        return [held.claim for held in self._held.values()]

    @contextmanager
    def hold(self, claim: Claim, since: float) -> Iterator[Held]:
        """Hold *claim*, taken at or after *since* by Trio's clock, while judging it.

        The block is cancelled when the claim is dropped, or not confirmed in time.
        """
        with trio.CancelScope(deadline=since + self._fence_s) as scope:
            held = self._held[claim.submission_id] = Held(claim, scope)
            try:
                yield held
            finally:
                if self._held.get(claim.submission_id) is held:
                    del self._held[claim.submission_id]

    def confirm(self, claim: Claim, since: float) -> None:
        """Note that the lease of *claim* was prolonged at or after *since*."""
        held = self._held.get(claim.submission_id)
        if held is not None and held.claim.token == claim.token:
            held.scope.deadline = max(held.scope.deadline, since + self._fence_s)

    def fence(self, claim: Claim) -> bool:
        """Stop judging *claim*, which is not ours any more; False if nothing of it runs.

        A heartbeat that crosses the verdict finds the claim gone too, because it is fulfilled.
        """
        held = self._held.get(claim.submission_id)
        if held is None or held.claim.token != claim.token or held.settled:
            return False
        held.drop("fenced")
        return True

    def drop(self, submission_id: str, why: str, *, token: str | None = None) -> None:
        """Stop judging one submission, if it is held (under *token*, where given)."""
        held = self._held.get(submission_id)
        if held is not None and token in (None, held.claim.token):
            held.drop(why)

    def drop_all(self, why: str) -> None:
        """Stop judging everything."""
        for held in list(self._held.values()):
            held.drop(why)
