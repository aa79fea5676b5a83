"""The collector passes over clients that live on, and those who leave need no collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from daemons.gateway import garbage
from daemons.gateway.connection import Client
from daemons.gateway.garbage import survivors_spared
from daemons.gateway.stream import ClientStream

TEXT, BINARY, CLOSE, PING = 0x81, 0x82, 0x88, 0x89


@pytest.fixture
def none_frozen() -> Iterator[None]:
    """Begin and end with nothing frozen; whoever runs these tests may have frozen something.

    In between nobody collects but the test: a collection of Python's own would freeze, too.
    """
    gc.unfreeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("none_frozen")
def test_survivors_of_a_long_collection_are_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a long full collection found alive is not looked at again, until the end."""
    monkeypatch.setattr(garbage, "LONG_S", 0.0)
    kept = [[]]
    with survivors_spared():
        gc.collect(1)
        assert gc.get_freeze_count() == 0
        gc.collect()
        assert gc.get_freeze_count() > 1000
        assert not any(each is kept for each in gc.get_objects())
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("none_frozen")
def test_short_collections_spare_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as collections are short, each looks at everything."""
    monkeypatch.setattr(garbage, "LONG_S", 3600.0)
    with survivors_spared():
        gc.collect()
        assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("none_frozen")
def test_everything_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that was frozen while it lived is collected after so many freezes."""
    monkeypatch.setattr(garbage, "LONG_S", 0.0)
    monkeypatch.setattr(garbage, "_THAW_EACH", 3)

    class Link:
        """An object of a cycle."""

    def links() -> int:
        return sum(type(each) is Link for each in gc.get_objects())

    with survivors_spared():
        link: Any = Link()
        link.itself = link
        gc.collect()
        del link
        gc.collect()
        assert gc.get_freeze_count() > 1000
        gc.collect()  # the third: all is thawed
        assert links() == 1
        gc.collect()
        gc.unfreeze()
        assert links() == 0


@contextmanager
def uncollected() -> Iterator[list[Any]]:
    """Keep the collector off while the block runs; the list then has what only it would free."""
    found: list[Any] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.extend(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize(
    ("first_byte", "payload"),
    [(None, b""), (CLOSE, b"\x03\xe8"), (PING, b"x" * 126), (BINARY, b"x")],
    ids=["cut", "closed", "bad-frame", "binary"],
)
async def test_client_who_leaves_needs_no_collector(
    open_gateway: Any, eventually: Any, first_byte: int | None, payload: bytes
) -> None:
    """However a conversation ends, what it took is freed at once: frozen or not, nothing leaks."""
    async with open_gateway() as running:
        with uncollected() as garbage_:
            for _ in range(3):
                async with running.raw_peer() as peer:
                    await peer.send_frame(TEXT, b"u1")
                    await peer.receive_message()
                    if first_byte is not None:
                        await peer.send_frame(first_byte, payload)
                        await peer.receive_close()
                await eventually(lambda: running.gateway._admission._open == 0)
        kinds = [type(each).__name__ for each in garbage_]

    assert not {ClientStream.__name__, Client.__name__, "WebSocketConnection"}.intersection(kinds)
    assert not {"FrameProtocol", "Task", "coroutine"}.intersection(kinds)
