"""What was wrong is told in words: no pattern, no Python type, and always what would be right."""

from __future__ import annotations

from typing import Literal

import pytest

from protocol.codec import convert, decode
from protocol.errors import InvalidInput, MalformedInput
from protocol.forms import FORMS, UserId
from protocol.messages import RunRequest, Status, SubmissionRequest

HEAD = '{"problem_id":"p","user_id":"u","language":"l",'
RUN = '{"user_id":"u","language":"l","code":"x",'


@pytest.mark.parametrize(
    ("data", "type_", "says"),
    [
        ('{"user_id":"a b"}', SubmissionRequest, "`user_id` must have 1 to 128 of the characters"),
        ('{"problem_id":"a/b"}', SubmissionRequest, "`problem_id` must have 1 to 64 of"),
        (HEAD + '"entry":"../x"}', SubmissionRequest, "`entry` must be a plain file name"),
        (HEAD + '"priority":"high"}', SubmissionRequest, "must be one of: low, normal; not 'high'"),
        (HEAD + '"code":5}', SubmissionRequest, "must be a string or null, not a whole number"),
        (HEAD + '"files":[{"name":"a","content":1}]}', SubmissionRequest, "must be a string, not"),
        (HEAD + '"files":[{"nam":1}]}', SubmissionRequest, "known are: name, content"),
        (HEAD + '"color":5}', SubmissionRequest, "known are: problem_id, user_id, language, code"),
        (RUN + '"limits":{"time_s":0}}', RunRequest, "`limits.time_s` must be more than 0"),
        (RUN + '"limits":{"memory_bytes":0}}', RunRequest, "must be at least 1"),
        (RUN + '"limits":{"tme_s":1}}', RunRequest, "known are: time_s, wall_s, memory_bytes"),
        (RUN + '"args":["\\u0000"]}', RunRequest, "at most 4096 characters, and no NUL"),
        (RUN + f'"args":[{",".join(["0"] * 65)}]}}', RunRequest, "must be a string, not"),
        (RUN + '"args":[' + ",".join(['"x"'] * 65) + "]}", RunRequest, "at most 64 entries"),
        ('["x y"]', list[UserId], "`[0]` must have 1 to 128"),
        ('{"a":{"b":1}}', dict[str, RunRequest], "unknown field `b`; known are: user_id"),
        ("[[1]]", list[tuple[int, int]], "Expected `array` of length 2"),
        ('[["x"]]', list[tuple[Literal["a"]]], "must be one of: ; not 'x'"),
        ('["x"]', list[Status | None], "must be one of: queued, compiling, running"),
        ('{"a":[{"b":1}]}', dict[str, tuple[RunRequest]], "unknown field `b`"),
    ],
)
def test_wrong_field_is_explained(data: str, type_: type, says: str) -> None:
    """The sentence tells what would be right, and never shows a pattern."""
    with pytest.raises(InvalidInput) as caught:
        decode(data, type_)
    assert says in str(caught.value)
    assert "regex" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"{", "it ends too early"),
        (b'{"code":"\xff"}', "it is not UTF-8"),
        (b'{"code":"\\ud800"}', "half of a character"),
        (b'{"code":"\\ud800x"}', "half of a character"),
        ('{"code":"\\udc00"}', "half of a character"),
        ('{"code":"\\ud800', "half of a character"),
        (b'{"code":"a\0b"}', "invalid character (byte 10)"),
        (b"[" * 100_000, "not a list"),
    ],
)
def test_broken_json_is_explained(data: bytes | str, says: str) -> None:
    """Where the parser's own words would mislead, others stand."""
    with pytest.raises((MalformedInput, InvalidInput)) as caught:
        decode(data, SubmissionRequest)
    assert says in str(caught.value)


def test_query_speaks_of_no_types_that_a_query_has_not() -> None:
    """All values of a query are strings, so "not a string" would say nothing."""
    with pytest.raises(InvalidInput) as caught:
        convert({"0": "x"}, dict[int, float])
    assert str(caught.value) == "`[...]` must be a number"


@pytest.mark.parametrize("pattern", FORMS)
def test_every_form_has_words(pattern: str) -> None:
    """Words follow "`field` " and end without a stop, as all of them do."""
    assert FORMS[pattern].startswith("must ")
    assert not FORMS[pattern].endswith(".")
