"""Python's collector of cyclic garbage, kept away from thousands of clients that live on.

A full collection looks at every object there is, and while it does nobody is served. Ten thousand
clients are two million objects: a second and more, again and again while they come, for each time a
quarter has been added the collector looks at all. So whatever a long collection has found alive is
frozen: later ones pass it over, and each is as long as what came since the last.

What is frozen is still freed when nothing refers to it. Only a cycle would stay, and so a client
that leaves must leave none (`ClientStream.finish`). Some that were frozen on their way to an error
may: for them everything is thawed now and then, and looked at once.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: A full collection that took longer is not to look at the same objects again. About 300 clients.
LONG_S = 0.02
#: Freezes between two thaws: with `LONG_S` some 20,000 new clients.
_THAW_EACH = 64


class _Freezer:
    """Is called by the collector before and after each collection."""

    def __init__(self) -> None:
        self._began = 0.0
        self._freezes = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != 2:
            return
        if phase == "start":
            self._began = time.perf_counter()
        elif time.perf_counter() - self._began > LONG_S:
            self._freezes += 1
            if self._freezes % _THAW_EACH:
                gc.freeze()
            else:
                gc.unfreeze()


@contextmanager
def survivors_spared() -> Iterator[None]:
    """Freeze what long collections find alive, while the block runs; then thaw everything."""
    freezer = _Freezer()
    gc.callbacks.append(freezer)
    try:
        yield
    finally:
        gc.callbacks.remove(freezer)
        gc.unfreeze()
