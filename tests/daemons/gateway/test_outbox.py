"""What waits for one client: order, bounds, and the policy when it is too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemons.gateway.outbox import (
    MAX_OUTBOX_BYTES,
    Outbox,
    RawEvent,
    Step,
    next_step,
    parse_event,
)


def event(number: int, text: str = "{}") -> RawEvent:
    """Return the event *number* of a user whose ids are 1, 2, 3..."""
    return RawEvent(number, number - 1, text)


def test_parse_event_keeps_the_bytes() -> None:
    """An event goes out as it came from the store, however it is written."""
    raw = '{ "prev":1,\n"id" : 2, "x": "\\u00e9é", "big": 12345678901234567890 }'

    assert RawEvent(2, 1, raw) == parse_event(raw.encode())


@pytest.mark.parametrize("raw", [b"", b"1", b"{}", b'{"id":"1","prev":0}', b'{"id":1}', b"\xff"])
def test_parse_event_refuses_what_has_no_place_in_the_order(raw: bytes) -> None:
    """Whatever a stranger publishes on the channel is one kind of error."""
    with pytest.raises(ValueError):
        parse_event(raw)


def test_next_step_sends_what_follows() -> None:
    """Only the event whose `prev` is the last one may go out."""
    assert next_step(1, event(1)) is Step.DROP
    assert next_step(1, event(2)) is Step.SEND
    assert next_step(1, event(3)) is Step.REPLAY


def test_outbox_gives_events_in_order() -> None:
    """First in, first out."""
    outbox = Outbox(10)
    for number in (1, 2, 3):
        outbox.put(event(number))

    assert [event(1), event(2), event(3), None] == [outbox.take() for _ in range(4)]


def test_outbox_drops_all_when_full() -> None:
    """One event too many empties it, and it takes none until the history has been read."""
    outbox = Outbox(2)
    for number in (1, 2, 3, 4):
        outbox.put(event(number))

    assert (outbox.behind, len(outbox)) == (True, 0)

    outbox.start_over()
    outbox.put(event(5))

    assert (False, event(5)) == (outbox.behind, outbox.take())


def test_outbox_is_bounded_in_bytes() -> None:
    """Few large events fill it just as well."""
    outbox = Outbox(1000)
    outbox.put(event(1, "x" * MAX_OUTBOX_BYTES))

    assert not outbox.behind

    outbox.put(event(2))

    assert outbox.behind


@given(
    size=st.integers(1, 5),
    steps=st.lists(st.sampled_from(["publish", "lose", "write"]), max_size=80),
)
def test_writer_sends_every_event_once_in_order(size: int, steps: list[str]) -> None:
    """Whatever is lost on the way and whenever the writer runs, the client gets 1, 2, 3..."""
    outbox, history, received = Outbox(size), 0, [0]

    def write() -> None:
        if outbox.behind:
            outbox.start_over()
            received.extend(range(received[-1] + 1, history + 1))
        elif (waiting := outbox.take()) is not None:
            match next_step(received[-1], waiting):
                case Step.SEND:
                    received.append(waiting.id)
                case Step.REPLAY:
                    outbox.fall_behind()

    for step in [*steps, "publish"]:
        if step == "write":
            write()
            continue
        history += 1
        if step == "publish":
            outbox.put(event(history))
    while outbox.behind or len(outbox):
        write()

    assert list(range(history + 1)) == received
