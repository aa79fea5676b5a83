"""Every way to say it wrong has its exact answer, in one shape, and none of them is a 500."""

from __future__ import annotations

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
    pytest.param(body(language="cobol"), "language", "there is no language 'cobol'", id="language"),
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


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "application/json-seq", "x", None],
)
async def test_create_refuses_other_types(api: Api, content_type: str | None) -> None:
    """What is not declared as JSON gets 415, and the answer tells curl users the fix."""
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await api.client.post("/submissions", content=body(), headers=headers)

    document = check_problem(answer, 415, "unsupported-media-type")
    assert "-H 'Content-Type: application/json'" in document["detail"]


async def test_create_takes_json_with_a_charset(api: Api) -> None:
    """A parameter of the content type changes nothing."""
    headers = {"Content-Type": "application/json; charset=utf-8"}

    assert (await api.post(body(), headers=headers)).status_code == 202


async def test_create_refuses_packed_bodies(api: Api) -> None:
    """A Content-Encoding is refused, never unpacked: 1 kB could become 1 GB."""
    answer = await api.post(body(), headers={"Content-Encoding": "gzip"})

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


WRONG_METHODS = [
    ("PUT", "/submissions", "GET, HEAD, OPTIONS, POST"),
    ("POST", "/submissions/01JD", "DELETE, GET, HEAD, OPTIONS"),
    ("GET", "/submit", "OPTIONS, POST"),
    ("DELETE", "/problems", "GET, HEAD, OPTIONS"),
    ("BREW", "/", "GET, HEAD, OPTIONS"),
]


async def test_wrong_method_says_which_are_right(api: Api, subtests: pytest.Subtests) -> None:
    """A method that a path does not have gets 405 with `Allow`."""
    for method, path, allowed in WRONG_METHODS:
        with subtests.test(f"{method} {path}"):
            answer = await api.client.request(method, path)

            check_problem(answer, 405, "method-not-allowed")
            assert answer.headers["Allow"] == allowed


MISSING = [
    "/nosuch",
    "/submissions/",
    "/submissions/nosuch",
    "/submissions/01JD0000000000000000000000",
    "/submissions/01JD00000000000000000000ZZ",
    "/submissions/%00",
    "/submissions/%ff%fe",
    "/problems/nosuch",
    "/problems/..%2fecho",
    "/" + "x" * 8000,
]


async def test_what_is_not_there_is_404(api: Api, subtests: pytest.Subtests) -> None:
    """Whatever the path holds, what is not there is 404."""
    for path in MISSING:
        with subtests.test(path[:64]):
            check_problem(await api.get(path), 404, "not-found")


WRONG_QUERIES = [
    ("", "user_id"),
    ("?user_id=", "user_id"),
    ("?user_id=a%20b", "user_id"),
    ("?user_id=u1&limit=0", "limit"),
    ("?user_id=u1&limit=101", "limit"),
    ("?user_id=u1&limit=x", "limit"),
    ("?user_id=u1&limit=" + "9" * 5000, "limit"),
    ("?user_id=u1&cursor=x", "cursor"),
    ("?user_id=u1&cursor=%2binf-01JD0000000000000000000000", "cursor"),
    ("?user_id=u1&lmit=5", "lmit"),
    ("?user_id=u1&user_id=u2", "user_id"),
    ("?user_id=%ff", "user_id"),
]


async def test_list_names_the_wrong_parameter(api: Api, subtests: pytest.Subtests) -> None:
    """A wrong, unknown, missing or repeated parameter gets 422 and is named."""
    for query, field in WRONG_QUERIES:
        with subtests.test(query[:64]):
            document = check_problem(await api.get(f"/submissions{query}"), 422, "invalid-input")

            assert [error["field"] for error in document["errors"]] == [field]


WRONG_WAITS = ["x", "-1", "nan", "inf", "61", "", "1e999"]


async def test_create_names_a_wrong_wait(api: Api, subtests: pytest.Subtests) -> None:
    """`?wait=` is a number of seconds up to 60; anything else gets 422 and stores nothing."""
    for wait in WRONG_WAITS:
        with subtests.test(wait):
            document = check_problem(
                await api.post(GOOD, params={"wait": wait}), 422, "invalid-input"
            )

            assert [error["field"] for error in document["errors"]] == ["wait"]
            assert (await api.get("/submissions?user_id=u1")).json()["submissions"] == []


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_create_names_a_wrong_key(api: Api, key: str) -> None:
    """An Idempotency-Key is 1 to 255 printable ASCII characters."""
    answer = await api.post(GOOD, headers={"Idempotency-Key": key})

    document = check_problem(answer, 422, "invalid-input")
    assert document["errors"][0]["field"] == "Idempotency-Key"


async def test_tutorial_form_names_fields_as_it_spells_them(api: Api) -> None:
    """Errors of `POST /submit` speak of `problemId`, which its callers wrote."""
    form = {"problemId": "nosuch", "code": "x", "language": "python"}

    document = check_problem(await api.post(form, path="/submit"), 422, "invalid-input")
    assert [error["field"] for error in document["errors"]] == ["problemId"]
