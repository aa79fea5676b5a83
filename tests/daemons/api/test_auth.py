"""With `[auth] tokens_file` every call needs a token, and a token does what its scopes say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import get_args

import pytest

from daemons.config import Api as ApiConfig
from daemons.config import Auth, PublicPath
from daemons.tokens import Scope, TokenFile, token_file
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, Worker, open_api
from tests.daemons.api.test_bad_input import check_problem

ALL = (Scope.SUBMIT, Scope.READ)


class Guarded:
    """An API that asks for tokens, and the file of them."""

    def __init__(self, api: Api, file: TokenFile) -> None:
        self.api = api
        self.file = file

    def bearer(self, *scopes: Scope, user: str | None = None) -> dict[str, str]:
        """Return the header of a new token."""
        return {"Authorization": f"Bearer {self.file.add(scopes, user_id=user)[0]}"}


@asynccontextmanager
async def open_guarded(
    store: StoreProcess, *public: PublicPath, **sections: object
) -> AsyncIterator[Guarded]:
    """Open an API that asks for tokens, but for *public* paths; *sections* as for `config`."""
    config = store.config(auth=Auth(tokens_file="tokens.json", public=public), **sections)
    file = token_file(config)
    assert file is not None
    file.add((Scope.ADMIN,))
    async with open_api(config) as api:
        yield Guarded(api, file)


@pytest.fixture
async def guarded(store: StoreProcess) -> AsyncIterator[Guarded]:
    """Give an API that asks for tokens."""
    async with open_guarded(store) as opened:
        yield opened


ROUTES = [
    ("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/metrics"),
    ("GET", "/problems"), ("GET", "/problems/echo"), ("GET", "/languages"), ("GET", "/healthz"),
    ("GET", "/readyz"), ("POST", "/submissions"), ("POST", "/runs"), ("POST", "/submit"),
    ("GET", "/submissions?user_id=u1"), ("GET", "/submissions/x"), ("DELETE", "/submissions/x"),
    ("POST", "/submissions/x/rejudge"), ("GET", "/submissions/x/events"),
]  # fmt: skip


async def test_every_route_asks_for_a_token(guarded: Guarded, subtests: pytest.Subtests) -> None:
    """Without a token, or with one that counts not, every route there is answers 401."""
    api = guarded.api
    text, _ = guarded.file.add(ALL, lifetime=timedelta(seconds=-1))
    admin = guarded.bearer(Scope.ADMIN)
    described = (await api.get("/openapi.json", headers=admin)).json()["paths"]
    assert sum(map(len, described.values())) == len(ROUTES)
    wrong = ["", "Bearer", "Bearer x", f"Bearer {text}", f"Basic {text}", "Bearer " + "x" * 4000]
    for method, path in ROUTES:
        with subtests.test(f"{method} {path}"):
            document = check_problem(await api.client.request(method, path), 401, "unauthorized")
            assert "-H 'Authorization: Bearer TOKEN'" in document["detail"]
    for authorization in wrong:
        with subtests.test(authorization[:20]):
            answer = await api.get("/problems", headers={"Authorization": authorization})
            check_problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_public_paths_are_open_and_no_others(store: StoreProcess) -> None:
    """What `[auth] public` names takes anybody, and the description says so; the rest does not."""
    public: tuple[PublicPath, ...] = get_args(PublicPath)
    async with open_guarded(store, *public) as guarded:
        opened = {
            path
            for method, path in ROUTES
            if (await guarded.api.client.request(method, path)).status_code != 401
        }
        assert opened == set(public)
        assert "gavel_store_up" in (await guarded.api.get("/metrics")).text
        paths = (await guarded.api.get("/openapi.json")).json()["paths"]
    assert {
        path for path in paths if "security" not in paths[path].get("get", {"security": 1})
    } == (opened)


async def test_browser_asks_before_it_sends_a_token(store: StoreProcess) -> None:
    """The question whether a page may call needs no token, and a refusal can be read by the page."""
    origin = {"Origin": "https://judge.example"}
    cors = ApiConfig(cors_origins=("https://judge.example",))
    async with open_guarded(store, api=cors) as guarded:
        asked = {**origin, "Access-Control-Request-Method": "POST"}
        preflight = await guarded.api.client.options("/submissions", headers=asked)
        refused = await guarded.api.get("/problems", headers=origin)
    assert (preflight.status_code, refused.status_code) == (200, 401)
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert refused.headers["Access-Control-Allow-Origin"] == "https://judge.example"


async def test_scopes_allow_themselves(guarded: Guarded, subtests: pytest.Subtests) -> None:
    """Submitting, reading and the rest each take their own scope; a listing takes any token."""
    api = guarded.api
    bearer = {scope: guarded.bearer(scope) for scope in Scope}
    path = (await api.post(GOOD, headers=bearer[Scope.ADMIN])).headers["Location"]
    cases = [
        (Scope.SUBMIT, "POST", "/submissions", {"json": GOOD}, 202),
        (Scope.READ, "GET", path, {}, 200),
        (Scope.READ, "GET", "/submissions?user_id=u1", {}, 200),
        (Scope.ADMIN, "POST", f"{path}/rejudge", {}, 409),
        (Scope.READ, "GET", "/metrics", {}, 200),
        (Scope.SUBMIT, "DELETE", path, {}, 200),
    ]
    for needed, method, target, more, status in cases:
        for scope in Scope:
            if scope in (needed, Scope.ADMIN):
                continue
            with subtests.test(f"{method} {target[:12]} {scope}"):
                answer = await api.client.request(method, target, headers=bearer[scope], **more)
                check_problem(answer, 403, "forbidden")
        answer = await api.client.request(method, target, headers=bearer[needed], **more)
        assert answer.status_code == status, answer.text
        assert (await api.get("/problems", headers=bearer[needed])).status_code == 200


async def test_token_of_a_user_is_for_him_alone(guarded: Guarded) -> None:
    """What is another user's can be neither sent in, nor listed, and looks as if it were not."""
    api = guarded.api
    mine, theirs = guarded.bearer(*ALL, user="u1"), guarded.bearer(*ALL, user="u2")
    path = (await api.post(GOOD, headers=mine)).headers["Location"]

    check_problem(await api.post(GOOD, headers=theirs), 403, "forbidden")
    form = {"problemId": "echo", "code": "x", "language": "python"}
    check_problem(await api.post(form, path="/submit", headers=theirs), 403, "forbidden")
    run = {"user_id": "u1", "language": "python", "code": "x"}
    check_problem(await api.post(run, path="/runs", headers=theirs), 403, "forbidden")
    check_problem(await api.get("/submissions?user_id=u1", headers=theirs), 403, "forbidden")
    check_problem(await api.get("/metrics", headers=theirs), 403, "forbidden")
    check_problem(await api.get(path, headers=theirs), 404, "not-found")
    check_problem(await api.get(f"{path}/events", headers=theirs), 404, "not-found")
    check_problem(await api.client.delete(path, headers=theirs), 404, "not-found")
    assert (await api.get(path, headers=mine)).json()["status"] == "queued"
    assert (await api.client.delete(path, headers=mine)).status_code == 200


async def test_revoked_token_ends_at_once(guarded: Guarded) -> None:
    """A token that is revoked while the API runs gets 401 at the next call."""
    text, token = guarded.file.add(ALL)
    headers = {"Authorization": f"Bearer {text}"}
    assert (await guarded.api.get("/problems", headers=headers)).status_code == 200

    guarded.file.revoke(token.id)
    check_problem(await guarded.api.get("/problems", headers=headers), 401, "unauthorized")


async def test_worker_judges_what_a_token_sent(guarded: Guarded, worker: Worker) -> None:
    """Behind the door nothing is different."""
    bearer = guarded.bearer(*ALL, user="u1")
    path = (await guarded.api.post(GOOD, headers=bearer)).headers["Location"]
    await worker.judge()

    assert (await guarded.api.get(path, headers=bearer)).json()["verdict"] == "accepted"
