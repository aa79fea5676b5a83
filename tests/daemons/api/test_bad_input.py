"""Every way to say it wrong has its exact answer, in one shape, and none of them is a 500."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.daemons.api.conftest import GOOD, Api

KINDS = "urn:gavel:error:"


def body(**changes: Any) -> bytes:
    """Return the good request with *changes*; a value of `...` leaves the member out."""
    members = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return json.dumps(members).encode()


def raw(member: bytes) -> bytes:
    """Return the good request with one more member, written as it stands."""
    return body()[:-1] + b", " + member + b"}"


def check_problem(answer: Any, status: int, kind: str) -> Any:
    """Assert that *answer* is a complete problem document; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == KINDS + kind
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


WRONG_FIELDS = [
    pytest.param(body(problem_id="nosuch"), "problem_id", "there is no problem 'nosuch'", id="problem"),
    pytest.param(body(problem_id="ecco"), "problem_id", "did you mean 'echo'?", id="problem-near"),
    pytest.param(body(language="algol"), "language", "there is no language 'algol'", id="language"),
    pytest.param(body(code=""), "code", "`code` is empty", id="empty-code"),
    pytest.param(body(code=" \n\t"), "code", "`code` is empty", id="blank-code"),
    pytest.param(body(colour="red"), "colour", "unknown field `colour`", id="unknown-field"),
    pytest.param(body(user_id=...), "user_id", "`user_id` is required", id="no-user"),
    pytest.param(body(user_id=""), "user_id", "must have 1 to 128 of the characters", id="empty-user"),
    pytest.param(body(user_id="u1\n"), "user_id", "must have 1 to 128 of the characters", id="user-newline"),
    pytest.param(body(user_id="u\0"), "user_id", "must have 1 to 128 of the characters", id="user-nul"),
    pytest.param(body(user_id="u{1}:x"), "user_id", "must have 1 to 128 of the characters", id="user-key-characters"),
    pytest.param(body(user_id="u" * 129), "user_id", "must have 1 to 128 of the characters", id="user-long"),
    pytest.param(body(user_id=7), "user_id", "must be a string, not a whole number", id="user-number"),
    pytest.param(body(user_id=None), "user_id", "must be a string, not null", id="user-null"),
    pytest.param(body(problem_id="../etc"), "problem_id", "must have 1 to 64 of", id="problem-path"),
    pytest.param(body(problem_id=...), "problem_id", "is required", id="no-problem"),
    pytest.param(body(language=...), "language", "is required", id="no-language"),
    pytest.param(body(language=["python"]), "language", "not a list", id="language-list"),
    pytest.param(body(code=5), "code", "not a whole number", id="code-number"),
    pytest.param(body(code={"a": 1}), "code", "not an object", id="code-object"),
    pytest.param(body(code=...), "code", "exactly one", id="no-code"),
    pytest.param(body(priority="high"), "priority", "must be one of: low, normal", id="priority"),
    pytest.param(body(entry="a.py"), "entry", "goes with `files` only", id="entry-alone"),
    pytest.param(raw(b'"code": "again"'), "code", "`code` is given twice", id="duplicate"),
    pytest.param(body(code=...)[:-1] + b', "code": ' + b"9" * 9999 + b"}", "code", "out of range", id="huge-number"),
    pytest.param(
        body(code=..., files=[{"name": "../a", "content": ""}], entry="a"),
        "files[0].name", "must be a plain file name", id="file-path",
    ),
    pytest.param(
        body(code=..., files=[{"name": "a", "content": "", "mode": 7}], entry="a"),
        "files[0].mode", "unknown field `mode`", id="file-unknown-field",
    ),
    pytest.param(body(code="x", files=[{"name": "a", "content": "x"}], entry="a"), "code", "exactly one", id="code-and-files"),
    pytest.param(body(code=..., files=[], entry="a"), "code", "exactly one", id="no-files"),
    pytest.param(body(code=..., files=[{"name": "a", "content": "x"}]), "entry", "must be the name of one of `files`", id="no-entry"),
    pytest.param(body(code=..., files=[{"name": "a", "content": "x"}], entry="b"), "entry", "must be the name of one of", id="other-entry"),
    pytest.param(body(code=..., files=[{"name": "a", "content": "x"}] * 2, entry="a"), "files", "twice", id="file-twice"),
    pytest.param(body(code=..., files=[{"name": "a"}], entry="a"), "files[0].content", "is required", id="file-without-content"),
    pytest.param(body(code=..., files=[{"content": "x"}], entry="a"), "files[0].name", "is required", id="file-without-name"),
    pytest.param(body(code=..., files=["a"], entry="a"), "files[0]", "not a string", id="file-string"),
    pytest.param(body(code=..., files={"a": "x"}, entry="a"), "files", "not an object", id="files-object"),
    pytest.param(body(code=..., files=[{"name": ".a", "content": "x"}], entry=".a"), "files[0].name", "plain file name", id="file-hidden"),
    pytest.param(body(code=..., files=[{"name": "a\0", "content": "x"}], entry="a"), "files[0].name", "plain file name", id="file-nul"),
    pytest.param(body(code=..., files=[{"name": "a" * 65, "content": "x"}], entry="a"), "files[0].name", "plain file name", id="file-long-name"),
    pytest.param(body(code=..., files=[{"name": "/etc/passwd", "content": "x"}], entry="a"), "files[0].name", "plain file name", id="file-absolute"),
    pytest.param(body(user_id=True), "user_id", "must be a string", id="user-true"),
    pytest.param(body(user_id=1.5), "user_id", "must be a string", id="user-fraction"),
    pytest.param(body(user_id=[]), "user_id", "not a list", id="user-list"),
    pytest.param(body(user_id="ü"), "user_id", "1 to 128 of the characters", id="user-umlaut"),
    pytest.param(body(user_id="a/b"), "user_id", "1 to 128 of the characters", id="user-slash"),
    pytest.param(body(user_id="u1 "), "user_id", "1 to 128 of the characters", id="user-blank"),
    pytest.param(body(user_id="\u202eu"), "user_id", "1 to 128 of the characters", id="user-turned"),
    pytest.param(body(problem_id=7), "problem_id", "not a whole number", id="problem-number"),
    pytest.param(body(problem_id=None), "problem_id", "not null", id="problem-null"),
    pytest.param(body(problem_id="echo\n"), "problem_id", "1 to 64 of", id="problem-newline"),
    pytest.param(body(problem_id="x" * 65), "problem_id", "1 to 64 of", id="problem-long"),
    pytest.param(body(problem_id="ECHO"), "problem_id", "there is no problem 'ECHO'", id="problem-upper"),
    pytest.param(body(language="Python"), "language", "there is no language 'Python'", id="language-upper"),
    pytest.param(body(language=""), "language", "1 to 64 of", id="language-empty"),
    pytest.param(body(language=None), "language", "not null", id="language-null"),
    pytest.param(body(priority=1), "priority", "must be", id="priority-number"),
    pytest.param(body(priority=""), "priority", "must be one of: low, normal", id="priority-empty"),
    pytest.param(body(code=None), "code", "exactly one", id="code-null"),
    pytest.param(body(code=["x"]), "code", "not a list", id="code-list"),
    pytest.param(body(code=True), "code", "must be", id="code-true"),
    pytest.param(raw(b'"c\\u006fde": "again"'), "code", "given twice", id="duplicate-escaped"),
    pytest.param(raw(b'"\\u0000": 1'), "\0", "unknown field", id="nul-name"),
    pytest.param(raw(b'"": 1'), "(body)", "unknown field", id="empty-name"),
    pytest.param(raw(b'"__proto__": {}'), "__proto__", "unknown field", id="proto"),
    pytest.param(raw(b'"' + b"n" * 9000 + b'": 1'), "n" * 150 + "..." + "n" * 150, "unknown field", id="long-name"),
    pytest.param(body(code=...)[:-1] + b', "code": 1e999}', "code", "out of range", id="number-too-large"),
    pytest.param(body(code=...)[:-1] + b', "code": -0.0}', "code", "must be", id="minus-nothing"),
    pytest.param(b"true", "(body)", "must be", id="true"),
    pytest.param(b"7", "(body)", "must be", id="number"),
    pytest.param(b"{}", "problem_id", "is required", id="nothing"),
    pytest.param(b" \n\t\r {} \n", "problem_id", "is required", id="nothing-in-blanks"),
    pytest.param(b"[" + body() + b"]", "(body)", "not a list", id="in-a-list"),
    pytest.param(json.dumps(body().decode()).encode(), "(body)", "not a string", id="in-a-string"),
    pytest.param(b"[]", "(body)", "not a list", id="array"),
    pytest.param(b"null", "(body)", "not null", id="null"),
    pytest.param(b'"text"', "(body)", "not a string", id="string"),
]  # fmt: skip


async def test_create_names_the_wrong_field(api: Api, subtests: pytest.Subtests) -> None:
    """A well-formed request with a wrong field gets 422, which names the field and says why."""
    for case in WRONG_FIELDS:
        with subtests.test(case.id):
            data, field, message = case.values
            document = check_problem(await api.post(data), 422, "invalid-input")

            assert [error["field"] for error in document["errors"]] == [field]
            assert message in document["errors"][0]["message"]


MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut"),
    pytest.param(b"{'a': 1}", id="single-quotes"),
    pytest.param(body() + b"x", id="trailing"),
    pytest.param(b"\xef\xbb\xbf" + body(), id="byte-order-mark"),
    pytest.param(raw(b'"priority": NaN'), id="nan"),
    pytest.param(body(code=...)[:-1] + b', "code": "\xff"}', id="not-utf8"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\ud800"}', id="lone-surrogate"),
    pytest.param(body(code=...)[:-1] + b', "code": "a\0b"}', id="bare-nul"),
    pytest.param(b"{" * 10_000, id="deep-objects"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\udc00"}', id="low-surrogate"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\udc00\\ud800"}', id="turned-surrogates"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\ud800\\u0041"}', id="half-pair"),
    pytest.param(body(code=...)[:-1] + b', "code": "\xc0\x80"}', id="overlong"),
    pytest.param(body(code=...)[:-1] + b', "code": "\xed\xa0\x80"}', id="surrogate-in-utf8"),
    pytest.param(body(code=...)[:-1] + b', "code": "\xf4\x90\x80\x80"}', id="beyond-unicode"),
    pytest.param(body(code=...)[:-1] + b', "code": "\xe2\x82"}', id="cut-utf8"),
    pytest.param(body(code=...)[:-1] + b', "code": "\x80"}', id="stray-continuation"),
    pytest.param(body(code=...)[:-1] + b', "code": "a\nb"}', id="bare-newline"),
    pytest.param(body(code=...)[:-1] + b', "code": "\x1f"}', id="bare-control"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\x41"}', id="unknown-escape"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\u00g0"}', id="bad-escape"),
    pytest.param(body(code=...)[:-1] + b', "code": "\\', id="cut-escape"),
    pytest.param(body()[:-2], id="cut-string"),
    pytest.param(body()[:-1] + b",}", id="comma-last"),
    pytest.param(raw(b'"priority" "low"'), id="no-colon"),
    pytest.param(raw(b'priority: "low"'), id="bare-name"),
    pytest.param(raw(b'"priority": low'), id="bare-word"),
    pytest.param(raw(b'"priority": Infinity'), id="infinity"),
    pytest.param(raw(b'"priority": 007'), id="leading-zeros"),
    pytest.param(raw(b'"priority": +1'), id="plus"),
    pytest.param(raw(b'"priority": .5'), id="no-digit-before"),
    pytest.param(raw(b'"priority": 1.'), id="no-digit-behind"),
    pytest.param(raw(b'"priority": 1e'), id="no-exponent"),
    pytest.param(b"// comment\n" + body(), id="comment"),
    pytest.param(body() + body(), id="two"),
    pytest.param(body() + b"\n" + body(), id="two-lines"),
    pytest.param(body() + b"\0", id="nul-behind"),
    pytest.param(b"\0" + body(), id="nul-before"),
    pytest.param(b"\0" * 5000, id="nuls"),
    pytest.param(b"\x1e" + body(), id="record-separator"),
    pytest.param(body().decode().encode("utf-16"), id="utf-16"),
    pytest.param(body().decode().encode("utf-16-le"), id="utf-16-bare"),
    pytest.param(body().decode().encode("utf-32"), id="utf-32"),
    pytest.param(gzip.compress(body()), id="packed-unsaid"),
    pytest.param(b"problem_id=echo&user_id=u1", id="form"),
    pytest.param(b"<submission/>", id="xml"),
    pytest.param(b"problem_id: echo\n", id="yaml"),
    pytest.param(b"tru", id="cut-word"),
    pytest.param(b"True", id="python-word"),
    pytest.param(b"undefined", id="undefined"),
    pytest.param(b"-", id="minus"),
    pytest.param(b'"', id="quote"),
    pytest.param(b"]", id="closed"),
]


async def test_create_refuses_what_is_no_json(api: Api, subtests: pytest.Subtests) -> None:
    """A body that no JSON parser should take gets 400."""
    for case in MALFORMED:
        with subtests.test(case.id):
            (data,) = case.values
            check_problem(await api.post(data), 400, "malformed-json")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        pytest.param(body(code=...)[:-1] + b', "code": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "/submissions", id="in-a-field"),
        pytest.param(b"[" * 100_000, "/submissions", id="at-the-top"),
        pytest.param(b'{"x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "/submit", id="in-an-unknown-field"),
        pytest.param(b'{"x": ' + b'{"x":' * 10_000 + b"1" + b"}" * 10_001, "/submit", id="objects"),
    ],
)  # fmt: skip
async def test_deep_nesting_is_the_clients_error(api: Api, data: bytes, path: str) -> None:
    """Nesting that would exhaust a parser's stack gets a 4xx, and the API lives on."""
    answer = await api.post(data, path=path)

    check_problem(answer, answer.status_code, answer.json()["type"].removeprefix(KINDS))
    assert answer.status_code in (400, 422)
    assert (await api.post(GOOD)).status_code == 202


WRONG_TYPES = [
    "application/x-www-form-urlencoded", "text/plain", "application/json-seq", "x", None, "", ";",
    "multipart/form-data; boundary=x", "application/xml", "text/json", "application/problem+json",
    "application/jsonx", "application/", "/json", "*/*", "application/json, text/plain",
]  # fmt: skip


async def test_create_refuses_other_types(api: Api, subtests: pytest.Subtests) -> None:
    """What is not declared as JSON gets 415, and the answer tells curl users the fix."""
    for content_type in WRONG_TYPES:
        with subtests.test(content_type):
            headers = {} if content_type is None else {"Content-Type": content_type}
            answer = await api.client.post("/submissions", content=body(), headers=headers)

            document = check_problem(answer, 415, "unsupported-media-type")
            assert "-H 'Content-Type: application/json'" in document["detail"]


async def test_create_takes_json_with_a_charset(api: Api) -> None:
    """A parameter of the content type changes nothing."""
    headers = {"Content-Type": "application/json; charset=utf-8"}

    assert (await api.post(body(), headers=headers)).status_code == 202


async def test_create_refuses_packed_bodies(api: Api, subtests: pytest.Subtests) -> None:
    """A Content-Encoding is refused, never unpacked: 1 kB could become 1 GB."""
    for encoding in ("gzip", "br", "x", "identity, gzip", "gzip, identity"):
        with subtests.test(encoding):
            headers = {"Content-Encoding": encoding}
            answer = await api.post(gzip.compress(body()), headers=headers)

            check_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(body(code="x" * 65_537), "code-too-large", id="code"),
        pytest.param(body(code="é" * 32_769), "code-too-large", id="code-in-utf8"),
        pytest.param(body(code="x" * 1_000_000), "body-too-large", id="1-MB"),
        pytest.param(b"x" * 20_000_000, "body-too-large", id="20-MB"),
    ],
)
async def test_create_refuses_too_much(api: Api, data: bytes, kind: str) -> None:
    """Too much code, counted in bytes of UTF-8, or too large a body gets 413."""
    check_problem(await api.post(data), 413, kind)


async def test_create_takes_code_up_to_the_cap(api: Api) -> None:
    """The cap itself is allowed."""
    assert (await api.post(body(code="é" * 32_768))).status_code == 202


async def test_create_takes_nul_in_code(api: Api) -> None:
    """Code may hold any character: what the compiler says to it is the verdict."""
    assert (await api.post(body(code="print('\0')"))).status_code == 202


async def test_tutorial_form_names_fields_as_it_spells_them(api: Api) -> None:
    """Errors of `POST /submit` speak of `problemId`, which its callers wrote."""
    form = {"problemId": "nosuch", "code": "x", "language": "python"}

    document = check_problem(await api.post(form, path="/submit"), 422, "invalid-input")
    assert [error["field"] for error in document["errors"]] == ["problemId"]
