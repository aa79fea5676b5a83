"""What can be solved, and in which languages at the moment."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, Worker, open_api, until
from tests.daemons.api.test_bad_input import check_problem


async def test_problems_are_listed_by_their_heads(api: Api) -> None:
    """The list has id, title, difficulty and tags of each problem."""
    assert (await api.get("/problems")).json() == {
        "problems": [{"id": "echo", "title": "Echo", "difficulty": None, "tags": ["strings"]}]
    }


async def test_problem_shows_what_solvers_may_see(api: Api) -> None:
    """One problem has statement, samples, limits and starter code, and nothing that is secret."""
    answer = await api.get("/problems/echo")

    document = answer.json()
    assert document["statement"]["markdown"] == "Print what you read.\n"
    assert "<p>Print what you read.</p>" in document["statement"]["html"]
    assert document["samples"][0]["input"] == "hello\n"
    assert document["limits"]["time_s"] == 1.0
    code = "# begin here\n"
    assert document["starter"] == {"python": code, "pypy": code}
    assert "secret" not in answer.text


async def test_languages_are_those_of_living_workers(api: Api, worker: Worker) -> None:
    """Without a worker no language is offered; with one, those that it has."""
    await worker.show("cpp", "python")

    answer = (await api.get("/languages")).json()
    assert [language["id"] for language in answer["languages"]] == ["cpp", "python"]
    assert answer["languages"][1] == {
        "id": "python", "name": "Python", "version": "1", "extensions": [".python"]
    }  # fmt: skip


async def test_create_refuses_a_language_that_no_worker_offers(api: Api, worker: Worker) -> None:
    """A known language is refused, and in other words than an unknown one, if no worker has it."""
    await worker.show("cpp")

    document = check_problem(await api.post(GOOD), 422, "invalid-input")
    assert document["errors"] == [
        {
            "field": "language",
            "message": "no worker offers 'python' at the moment; offered: cpp."
            " What a worker's machine needs for it: python3; Debian has it in python3",
        }
    ]


async def test_create_notices_a_new_worker(api: Api, worker: Worker) -> None:
    """A language is never refused on the strength of an old answer."""
    await worker.show("cpp")
    assert (await api.post(GOOD)).status_code == 422

    await worker.show("cpp", "python")
    assert (await api.post(GOOD)).status_code == 202


async def test_create_queues_while_no_worker_lives(api: Api) -> None:
    """A known language is taken while all workers are away: the queue holds it."""
    assert (await api.get("/languages")).json() == {"languages": []}

    assert (await api.post(GOOD)).status_code == 202


async def test_index_lists_the_routes(api: Api) -> None:
    """`GET /` tells a stranger what there is."""
    assert "POST /submissions" in (await api.get("/")).json()["routes"]


async def test_healthz_needs_nothing(api: Api) -> None:
    """The process is alive when it answers."""
    assert (await api.get("/healthz")).json() == {"status": "ok"}


async def test_problems_and_their_etags_follow_the_packages(
    store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that changes, is broken, comes or goes shows in the answers, and in their ETags."""
    monkeypatch.setattr("daemons.problems._LOOK_S", 0.1)
    config = store.config()
    package = config.path("problems/echo")
    async with open_api(config) as api:
        page, heads = [await api.get(path) for path in ("/problems/echo", "/problems")]
        statement = package / "statement" / "problem.en.md"
        statement.write_text("Print it.\n")

        async def changed() -> bool:
            known = {"If-None-Match": page.headers["ETag"]}
            answer = await api.get("/problems/echo", headers=known)
            assert answer.status_code in (200, 304)
            return answer.status_code == 200

        await until(changed)
        new = await api.get("/problems/echo")
        assert new.json()["statement"]["markdown"] == "Print it.\n"
        assert new.json()["version"] != page.json()["version"]
        known = {"If-None-Match": heads.headers["ETag"]}
        assert (await api.get("/problems", headers=known)).status_code == 304

        (package / "data/secret/1.ans").unlink()
        shutil.copytree(package, package.with_name("other"))
        (package.with_name("other") / "data/secret/1.ans").write_text("a secret\n")

        async def known_ids(*expected: str) -> bool:
            listed = (await api.get("/problems")).json()["problems"]
            return [head["id"] for head in listed] == list(expected)

        await until(partial(known_ids, "echo", "other"))
        # Broken now, and still as it was.
        assert (await api.get("/problems/echo")).headers["ETag"] == new.headers["ETag"]
        shutil.rmtree(package)
        await until(partial(known_ids, "other"))
        assert (await api.get("/problems/echo")).status_code == 404
        assert (await api.post(GOOD)).status_code == 422
