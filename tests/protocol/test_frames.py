"""The gateway's conversation: which first messages are understood, and what is answered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import InvalidInput, MalformedInput, RemoteProtocolError
from protocol.frames import (
    MAX_FIRST_MESSAGE_BYTES,
    CloseCode,
    Hello,
    make_ready,
    parse_first_message,
)


@pytest.mark.parametrize("message", ["u1", " u1\r\n"])
def test_first_message_may_be_the_bare_id(message: str) -> None:
    """A client that knows nothing of us sends its id and is served."""
    assert parse_first_message(message) == Hello(user_id="u1")


@pytest.mark.parametrize("spelling", ["user_id", "userId", "id", "userName"])
def test_first_message_may_spell_the_id_in_four_ways(spelling: str) -> None:
    """Existing clients' names for the user id are understood."""
    assert parse_first_message(json.dumps({spelling: "u1"})) == Hello(user_id="u1")


def test_first_message_tells_what_was_seen() -> None:
    """All members come through; what is unknown is passed over, for newer clients."""
    message = '{"user_id":"u1","after":1795376372959,"client":"tab-1","token":"t","theme":"dark"}'
    assert parse_first_message(message) == Hello(
        user_id="u1", after=1795376372959, client="tab-1", token="t"
    )


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ('{"user_id":1}', "user_id"),
        ('{"user_id":"u1","after":"1"}', "after"),
        ('{"user_id":"u1","after":-1}', "after"),
        ('{"user_id":"u1","after":true}', "after"),
        ('{"user_id":"u1","after":1.5}', "after"),
        ('{"user_id":"u1","after":9223372036854775808}', "after"),
        ('{"user_id":"u1","user_id":"u2"}', "user_id"),
    ],
)
def test_first_message_refuses_wrong_members(message: str, field: str) -> None:
    """A member of the wrong type, out of range or given twice is named."""
    with pytest.raises(InvalidInput) as caught:
        parse_first_message(message)
    assert caught.value.fields[0].field == field


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "u 1",
        "u:1",
        "u*",
        "x" * 129,
        '"u1"',
        '["u1"]',
        "{}",
        '{"user_id":""}',
        '{"user_id":"a b"}',
        '{"user_id":"u1\\n"}',
        '{"user_id":"u1","client":""}',
        '{"user_id":"u1","client":"a b"}',
        '{"user_id":"u1","client":"' + "x" * 65 + '"}',
    ],
)
def test_first_message_refuses_bad_names(message: str) -> None:
    """Without an allowed id there is no channel to listen on."""
    with pytest.raises(InvalidInput):
        parse_first_message(message)


def test_first_message_refuses_broken_json() -> None:
    """What begins like an object must be one."""
    with pytest.raises(MalformedInput):
        parse_first_message('{"user_id":')


@pytest.mark.parametrize("filler", ["x", "ü", "\ud800"])
def test_first_message_is_bounded_in_bytes(filler: str) -> None:
    """The bound counts bytes, as the wire does, whatever the characters."""
    width = len(filler.encode("utf-8", "surrogatepass"))
    with pytest.raises(RemoteProtocolError, match="over 4096 bytes"):
        parse_first_message(filler * (MAX_FIRST_MESSAGE_BYTES // width + 1))


@given(st.text() | st.text().map(lambda name: json.dumps({"user_id": name})))
def test_first_message_is_never_a_crash(message: str) -> None:
    """Any text gives a user id fit for a channel's name, or a polite error."""
    try:
        hello = parse_first_message(message)
    except RemoteProtocolError:
        return
    assert hello.user_id.isascii()
    assert not set(hello.user_id) & set(":{}*? \n")


def test_ready_says_where_the_client_stands() -> None:
    """`ready` has the newest event's id, and the reason only when something is missing."""
    assert json.loads(make_ready("u1", 7, recovered=True)) == {
        "type": "ready",
        "user_id": "u1",
        "head": 7,
        "recovered": True,
    }
    trimmed = json.loads(make_ready("u1", 7, recovered=False, reason="trimmed"))
    assert (trimmed["recovered"], trimmed["reason"]) == (False, "trimmed")


def test_close_codes_are_the_documented_ones() -> None:
    """Clients decide by the number whether to come back, so numbers never change."""
    assert sorted(CloseCode) == [1001, 1002, 1003, 1007, 1008, 1009, 1013, 4400, 4408, 4501]
