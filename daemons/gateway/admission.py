"""How many sockets there may be: in this process, and from one address.

Who is too many is still told so, by close code 1013, which takes a WebSocket handshake; so the ones
being told are bounded too, and beyond those a connection is dropped without a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from daemons.metrics import GATEWAY_SOCKETS

#: Sockets over the cap that may at one time be on their way to hear 1013.
MAX_TOLD = 256


class Crowded(Exception):
    """So many are too many that this one is not even told."""


class Admission:
    """Counts the open sockets.

    Args:
        max_connections: in this process.
        max_per_address: from one peer address. Behind a proxy that is the proxy's.
    """

    def __init__(self, max_connections: int, max_per_address: int) -> None:
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._of_address: Counter[str] = Counter()
        self._open = 0
        self._told = 0

    @contextmanager
    def admitted(self, address: str) -> Iterator[str | None]:
        """Count a socket from *address* while the block runs.

        Yields:
            None, or why it is one too many.

        Raises:
            Crowded: not even that can be told.
        """
        refusal = self._refusal(address)
        if refusal is None:
            self._open += 1
            GATEWAY_SOCKETS.inc()
            self._of_address[address] += 1
        elif self._told < MAX_TOLD:
            self._told += 1
        else:
            raise Crowded(refusal)
        try:
            yield refusal
        finally:
            if refusal is not None:
                self._told -= 1
            else:
                self._release(address)

    def _release(self, address: str) -> None:
        self._open -= 1
        GATEWAY_SOCKETS.dec()
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def _refusal(self, address: str) -> str | None:
        if self._open >= self._max_connections:
            return "too many connections"
        if self._of_address[address] >= self._max_per_address:
            return "too many connections from your address"
        return None
