"""Strangers' bytes: what is read, what is refused, and what the refusal says."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import MAX_SENTENCE_CHARS, convert, decode, encode, encode_members, text
from protocol.errors import InvalidInput, MalformedInput, RemoteProtocolError
from protocol.messages import (
    Binary,
    Judgement,
    SourceFile,
    SubmissionRequest,
    TestResult,
    Text,
    TutorialRequest,
    Verdict,
)

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", fullmatch=True)
texts: st.SearchStrategy[Text] = st.text() | st.binary().map(
    lambda data: Binary(base64=base64.b64encode(data).decode())
)
seconds = st.floats(min_value=0, max_value=1e6)
requests = st.builds(
    SubmissionRequest,
    problem_id=names,
    user_id=names,
    language=names,
    code=st.text().filter(str.strip),
    priority=st.sampled_from(["normal", "low"]),
)
multi_file_requests = st.lists(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", fullmatch=True), min_size=1, unique=True
).flatmap(
    lambda files: st.builds(
        SubmissionRequest,
        problem_id=names,
        user_id=names,
        language=names,
        files=st.tuples(
            *(st.builds(SourceFile, name=st.just(name), content=st.text()) for name in files)
        ),
        entry=st.sampled_from(files),
    )
)
results = st.builds(
    TestResult,
    name=st.text(),
    verdict=st.sampled_from(Verdict),
    time_s=seconds,
    wall_s=seconds,
    memory_bytes=st.integers(0, 2**63 - 1),
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    feedback=st.none() | texts,
)
judgements = st.builds(
    Judgement,
    verdict=st.sampled_from(Verdict),
    score=st.none() | seconds,
    tests_passed=st.integers(0, 1000),
    tests_total=st.integers(0, 1000),
    time_s=st.none() | seconds,
    memory_bytes=st.none() | st.integers(0, 2**63 - 1),
    compile_output=st.none() | texts,
    tests=st.lists(results, max_size=4).map(tuple),
)


@given(st.one_of(requests, multi_file_requests, judgements))
def test_codec_reads_what_it_wrote(message: SubmissionRequest | Judgement) -> None:
    """Every message survives the way through bytes, whatever its texts hold."""
    assert decode(encode(message), type(message)) == message


@given(st.binary())
def test_text_loses_no_byte(data: bytes) -> None:
    """Output is a string if it is UTF-8, base64 if not, and can be had back from either."""
    shown = text(data)
    assert decode(encode(shown), Text) == shown  # type: ignore[arg-type]
    back = shown.encode() if isinstance(shown, str) else base64.b64decode(shown.base64)
    assert back == data


def test_text_shows_utf8_as_it_is() -> None:
    """Only what is no UTF-8 is wrapped."""
    assert text("grüß dich\x00".encode()) == "grüß dich\x00"
    assert text(b"\xff\x00") == Binary(base64="/wA=")


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_control_characters_are_escaped(shown: str) -> None:
    """Row 98. What a terminal would obey never stands bare in JSON, and is the same when read."""
    for data in (encode({"stdout": shown}), b"{" + encode_members({"stdout": shown}) + b"}"):
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in data.decode())
        assert json.loads(data) == {"stdout": shown}


@given(judgements)
def test_encode_members_fits_into_a_larger_object(judgement: Judgement) -> None:
    """A head and the members of a message, put together by text, are one object."""
    joined = json.loads(b'{"type":"x",' + encode_members(judgement) + b"}")
    assert joined == {"type": "x", **json.loads(encode(judgement))}


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | st.text() | documents.map(json.dumps) | documents.map(encode))
def test_decode_answers_any_input_politely(data: bytes | str) -> None:
    """Whatever comes, the result is a message or an error that can itself be sent."""
    for type_ in (SubmissionRequest, TutorialRequest, dict[str, Any]):
        refusal = None
        try:
            decode(data, type_)
        except RemoteProtocolError as exc:
            refusal = exc
        if refusal is not None:
            assert encode([str(refusal), refusal.fields])
            assert bool(refusal.fields) == isinstance(refusal, InvalidInput)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"a":1}}',
        b'{"a":NaN}',
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        '{"a":"\ud800"}',
    ],
)
def test_decode_refuses_what_is_no_json(data: bytes | str) -> None:
    """Broken JSON, NaN, other encodings and lone surrogates are malformed."""
    with pytest.raises(MalformedInput):
        decode(data, dict[str, Any])


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("type_", [dict[str, Any], TutorialRequest])
def test_decode_refuses_deep_nesting(opening: str, type_: type[Any]) -> None:
    """100,000 brackets are malformed input, not the end of the interpreter."""
    closing = {"[": "]", '{"a":': "1}"}[opening] if opening == "[" else "}"
    deep = opening * 100_000 + ("1" if closing == "}" else "") + closing * 100_000
    with pytest.raises(MalformedInput):
        decode('{"a":' + deep + "}", type_)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"a":1,"a":2}', "a"),
        (b'{"a":1,"\\u0061":2}', "a"),
        (b'{"b":[{"c":1},{"c":1,"d":{"e":1,"e":1}}]}', "e"),
        (b'{"n":' + b"9" * 5000 + b',"a":1.5,"a":null}', "a"),
    ],
)
def test_decode_refuses_a_name_given_twice(data: bytes, field: str) -> None:
    """Which of two equal names counts differs from parser to parser, so neither does."""
    with pytest.raises(InvalidInput) as caught:
        decode(data, msgspec.Raw)
    assert caught.value.fields == ((field, f"`{field}` is given twice"),)


def test_decode_allows_a_name_again_in_another_object() -> None:
    """Only within one object must names differ."""
    data = b'{"a":{"a":[{"a":1},{"a":2}]},"n":' + b"9" * 5000 + b"}"
    assert bytes(decode(data, msgspec.Raw)) == data


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A shape with each kind of member that msgspec has a message for."""

    value: int
    pair: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("`value` is negative")
        if self.value == 13:
            raise ValueError("an unlucky number")


class Outer(msgspec.Struct):
    """A shape around it."""

    inner: Inner | None = None
    inners: list[Inner] = []
    by_name: dict[int, Inner] = {}


@pytest.mark.parametrize(
    ("data", "type_", "field", "sentence"),
    [
        ("[]", Inner, "(body)", "the body must be an object, not a list"),
        ("{}", Inner, "value", "`value` is required"),
        ('{"value":"1"}', Inner, "value", "`value` must be a whole number, not a string"),
        ('{"value":1,"x":2}', Inner, "x", "unknown field `x`; known are: "),
        ('{"value":-1}', Inner, "value", "`value` is negative"),
        ('{"value":13}', Inner, "(body)", "an unlucky number"),
        ('{"inner":{}}', Outer, "inner.value", "`value` is required"),
        ('{"inner":{"value":-1}}', Outer, "inner.value", "`value` is negative"),
        ('{"inner":{"value":13}}', Outer, "inner", "an unlucky number"),
        ('{"inner":{"inner":1}}', Outer, "inner.inner", "unknown field `inner`; known are: "),
        ('{"inners":[{"value":1},{}]}', Outer, "inners[1].value", "`value` is required"),
        (
            '{"inner":{"value":1,"pair":[1]}}',
            Outer,
            "inner.pair",
            "Expected `array` of length 2",
        ),
        (
            '{"inner":{"value":1,"pair":[1,"x"]}}',
            Outer,
            "inner.pair[1]",
            "`inner.pair[1]` must be a whole number",
        ),
        ('{"by_name":{"x":{}}}', Outer, "by_name", "`by_name` must be a whole number"),
        ('{"by_name":{"1":{}}}', Outer, "by_name[...].value", "`value` is required"),
        ('["x"]', list[int], "[0]", "`[0]` must be a whole number, not a string"),
        ('["` - at `$.evil`"]', list[Verdict], "[0]", "`[0]` must be one of: accepted, "),
        ('{"value":1,"a` - b\\n`c":1}', Inner, "a` - b\n`c", "unknown field "),
    ],
)
def test_error_names_field_and_reason(
    data: str, type_: type[Any], field: str, sentence: str
) -> None:
    """Each form of the parser's complaint becomes a path and a sentence without the path."""
    with pytest.raises(InvalidInput) as caught:
        decode(data, type_)
    assert [error.field for error in caught.value.fields] == [field]
    assert str(caught.value).startswith(sentence)
    assert caught.value.fields[0].message == str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        encode({"value": 1, "x" * 100_000: 1}),
        b'{"value":1,"%b":1,"%b":1}' % (b"x" * 100_000, b"x" * 100_000),
    ],
)
def test_error_quotes_a_bounded_part(data: bytes) -> None:
    """An error never sends a huge name back whole."""
    with pytest.raises(InvalidInput) as caught:
        decode(data, Inner)
    bound = MAX_SENTENCE_CHARS + len("...")
    assert len(str(caught.value)) <= bound
    assert all(len(part) <= bound for error in caught.value.fields for part in error)


def test_error_about_a_lone_surrogate_can_be_sent() -> None:
    """A name that is no Unicode text is quoted with a replacement."""
    with pytest.raises(RemoteProtocolError) as caught:
        decode(
            b'{"problemId":"a","code":"x","language":"c","\\ud800":1,"\\ud800":2}', TutorialRequest
        )
    encode([str(caught.value), caught.value.fields])


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """The shape of a query string."""

    user_id: str
    limit: int = 50


def test_convert_reads_numbers_from_a_query() -> None:
    """A query has only strings; what is to be a number is read as one."""
    assert convert({"user_id": "7", "limit": "7"}, Query) == Query(user_id="7", limit=7)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "user_id"),
        ({"user_id": "u", "limit": "many"}, "limit"),
        ({"user_id": "u", "x": "1"}, "x"),
    ],
)
def test_convert_names_the_field_at_fault(values: dict[str, str], field: str) -> None:
    """A query's errors are those of a body."""
    with pytest.raises(InvalidInput) as caught:
        convert(values, Query)
    assert [error.field for error in caught.value.fields] == [field]
