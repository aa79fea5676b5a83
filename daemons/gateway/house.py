"""What a client finds when he comes in, and what is seen of him before he says a word."""

from __future__ import annotations

from typing import NamedTuple

from daemons.config import Gateway as Limits
from daemons.gateway.cursors import ClientCursors
from daemons.gateway.hub import Hub
from daemons.tokens import Tokens


class House(NamedTuple):
    """What all clients of a process share.

    Attributes:
        hub: where events come from. cursors: where positions are kept. limits: `[gateway]`.
        tokens: those that count, None where nobody needs one.
    """

    hub: Hub
    cursors: ClientCursors
    limits: Limits
    tokens: Tokens | None


class Visitor(NamedTuple):
    """Who is at the other end, as far as can be seen before he says a word."""

    address: str
    program: str
