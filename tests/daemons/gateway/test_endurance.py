"""A thousand users at once while the gateway, then the store, is killed: `make endurance`, smaller."""

from __future__ import annotations

import trio

from benchmarks.endurance import endure


async def test_nobody_misses_anything_and_nobody_sees_anothers() -> None:
    """Each of 1,000 sockets is told each event of its own user, in order, and none of another's."""
    with trio.fail_after(240):
        outcome = await endure(plain=900, after=100, rounds=3)

    assert outcome.sockets == 1000
    # Singly to ten sockets, singly to all, then a burst and one more each time something is killed.
    assert outcome.events == 2 * 3 * 10 + 100 * 3 * 3 + 900
    assert (outcome.missed, outcome.strangers, outcome.disorder, outcome.gaps) == (0, 0, 0, 0)
