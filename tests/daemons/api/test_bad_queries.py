"""Wrong methods, paths, queries and headers each have their exact answer, and none of them is a 500."""

from __future__ import annotations

import pytest

from tests.daemons.api.conftest import GOOD, Api
from tests.daemons.api.test_bad_input import check_problem

WRONG_METHODS = [
    ("PUT", "/submissions", "GET, HEAD, OPTIONS, POST"),
    ("POST", "/submissions/01JD", "DELETE, GET, HEAD, OPTIONS"),
    ("GET", "/submit", "OPTIONS, POST"),
    ("DELETE", "/problems", "GET, HEAD, OPTIONS"),
    ("BREW", "/", "GET, HEAD, OPTIONS"),
    ("PATCH", "/submissions/x", "DELETE, GET, HEAD, OPTIONS"),
    ("DELETE", "/submissions", "GET, HEAD, OPTIONS, POST"),
    ("GET", "/submissions/x/rejudge", "OPTIONS, POST"),
    ("POST", "/submissions/x/events", "GET, HEAD, OPTIONS"),
    ("GET", "/runs", "OPTIONS, POST"),
    ("POST", "/metrics", "GET, HEAD, OPTIONS"),
    ("POST", "/healthz", "GET, HEAD, OPTIONS"),
    ("PUT", "/problems/echo", "GET, HEAD, OPTIONS"),
    ("TRACE", "/", "GET, HEAD, OPTIONS"),
    ("PROPFIND", "/docs", "GET, HEAD, OPTIONS"),
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
    "/problems/",
    "/problems/echo/",
    "/problems/echo/data/secret/1.ans",
    "/problems/%2e%2e",
    "/problems/echo%00.yaml",
    "/problems/" + "é" * 500,
    "/submissions/x/events/",
    "/submissions/x/nosuch",
    "/submissions/../healthz/x",
    "/submissions/01jd0000000000000000000000",
    "/submissions/{id}",
    "/submissions/*/events",
    "/static/x",
    "/docs.html",
    "/.env",
    "/favicon.ico",
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
    ("?user_id=u1&limit=", "limit"),
    ("?user_id=u1&limit=-1", "limit"),
    ("?user_id=u1&limit=1.5", "limit"),
    ("?user_id=u1&limit=%D9%A1%D9%A0", "limit"),
    ("?user_id=u1&limit=nan", "limit"),
    ("?user_id=u1&cursor=", "cursor"),
    ("?user_id=u1&cursor=-1-01JD0000000000000000000000", "cursor"),
    ("?user_id=u1&cursor=9999999999999999-01JD0000000000000000000000", "cursor"),
    ("?user_id=u1&cursor=" + "1" * 9000, "cursor"),
    ("?user_id=u1&limit=5&limit=5", "limit"),
    ("?user_id[]=u1", "user_id[]"),
    ("?USER_ID=u1", "USER_ID"),
]


async def test_list_names_the_wrong_parameter(api: Api, subtests: pytest.Subtests) -> None:
    """A wrong, unknown, missing or repeated parameter gets 422 and is named."""
    for query, field in WRONG_QUERIES:
        with subtests.test(query[:64]):
            document = check_problem(await api.get(f"/submissions{query}"), 422, "invalid-input")

            assert [error["field"] for error in document["errors"]] == [field]


WRONG_WAITS = [
    "x", "-1", "nan", "inf", "61", "", "1e999", "-inf", "60.001", "0x1", "1_0", " 1 1", "1s", "٣x",
    "true", "null", "[1]", "9" * 500, "-1e-9",
]  # fmt: skip


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
