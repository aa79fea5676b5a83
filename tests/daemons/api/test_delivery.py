"""How answers travel: packed, tagged, readable from other origins where that is allowed."""

from __future__ import annotations

from daemons.config import Api as ApiConfig
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import Api, open_api

ORIGIN = "https://judge.example"


async def test_long_answers_are_packed_for_those_who_can_unpack(api: Api) -> None:
    """A long answer goes packed if the client says that it can, else as it is; a short one never."""
    packed = await api.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    bare = await api.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    refused = await api.get("/openapi.json", headers={"Accept-Encoding": "gzip;q=0"})
    short = await api.get("/healthz", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == bare.json() == refused.json()
    assert int(packed.headers["Content-Length"]) < int(bare.headers["Content-Length"]) / 3
    for answer in (bare, refused, short):
        assert "Content-Encoding" not in answer.headers
        assert ("Accept-Encoding" in answer.headers.get("Vary", "")) is (answer is not short)


async def test_problems_are_sent_once(api: Api) -> None:
    """Who has a problem's version gets 304 without a body, and its ETag again."""
    for path in ("/problems", "/problems/echo"):
        first = await api.get(path)
        etag = first.headers["ETag"]
        again = await api.get(path, headers={"If-None-Match": f'"other", {etag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
        other = await api.get(path, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.json()) == (200, first.json())


async def test_other_origins_read_nothing_unless_they_are_named(store: StoreProcess) -> None:
    """A page of a configured origin may call, with the headers it needs; any other may not."""
    config = store.config(api=ApiConfig(cors_origins=(ORIGIN,)))
    async with open_api(config) as api:
        asked = {"Access-Control-Request-Method": "POST"}
        preflight = await api.client.options("/submissions", headers={"Origin": ORIGIN} | asked)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        assert "Idempotency-Key" in preflight.headers["Access-Control-Allow-Headers"]
        answer = await api.get("/problems", headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]
        other = await api.get("/problems", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_no_origin_is_admitted_by_default(api: Api) -> None:
    """Without configuration no page of another origin reads anything."""
    answer = await api.get("/problems", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_page_of_the_docs_fetches_nothing_from_elsewhere(api: Api) -> None:
    """`/docs` works offline: it names no other place, and its policy forbids any."""
    answer = await api.get("/docs")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "://" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert 'fetch("openapi.json"' in answer.text
