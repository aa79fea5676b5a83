"""What a fault is: how its system is set up, what is injected, and the list of all faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.faults.ground import Ground

#: How a daemon misbehaves is told to misbehave/sitecustomize.py, which Python imports at its start.
MISBEHAVE = f"PYTHONPATH = '{Path(__file__).with_name('misbehave')}'"
#: Two workers with a slot each, so that one finds what the other dropped.
TWO_WORKERS = "\nprocesses = 2\nslots = 1"


class TooLate(AssertionError):
    """What was to happen did not within its time; nothing else was found wrong."""


class Setup(NamedTuple):
    """How the system of a fault differs from the usual one.

    Attributes:
        worker, api, gateway: more of their tables. store: what `[store]` has. more: further tables, ``FOLDER`` standing for its folder.
        server: a store outside, ``valkey`` or ``redis``, with these options; empty: the embedded one.
        proxied: whether the system reaches that store through a proxy. replica: whether a second
            server follows the first, through a proxy of its own.
        furnish: puts into its folder what is to be there before it starts.
        sabotage: the guard that is taken out. within: a command that runs it all.
        wait: whether it is ready when the fault begins. checked: whether the common check follows;
            where not, the fault looks for itself. bare: it starts and checks all by itself.
        alone: nothing else is played meanwhile, for times are compared.
    """

    worker: str = TWO_WORKERS
    store: str = 'listen = ""'
    api: str = ""
    gateway: str = ""
    more: str = ""
    server: str = ""
    options: tuple[str, ...] = ()
    proxied: bool = False
    replica: bool = False
    furnish: Callable[[Path], object] = lambda folder: None
    sabotage: str = ""
    within: tuple[str, ...] = ()
    checked: bool = True
    wait: bool = True
    bare: bool = False
    alone: bool = False


Play = Callable[["Ground"], Awaitable[str]]


class Fault(NamedTuple):
    """One fault: `play` injects it, asserts its pass condition, and tells what it saw.

    Attributes:
        number: as in the list of forty; several rows may share one.
        must_fail: a control, which proves that the fault would see what it looks for: the text that
            its failure must name.
        absent: why it can't be injected here; empty if it can.
    """

    number: int
    name: str
    injected: str
    setup: Setup
    play: Play
    must_fail: str = ""
    absent: str = ""


FAULTS: list[Fault] = []


def fault(
    number: int,
    name: str,
    setup: Setup | None = None,
    *,
    must_fail: str = "",
    absent: str = "",
) -> Callable[[Play], Play]:
    """Put the decorated function on the list; its docstring says what is injected."""

    def put(play: Play) -> Play:
        injected = " ".join((play.__doc__ or "").split())
        used = setup or Setup()
        FAULTS.append(Fault(number, name, injected, used, play, must_fail, absent))
        return play

    return put
