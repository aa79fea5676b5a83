"""Packages that change while a daemon runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from daemons.config import load_config
from daemons.problems import Problems, open_problems
from judging.package import load_problem
from tests.daemons.worker.conftest import write_problem

PATIENCE_S = 120.0


async def open_in(folder: Path) -> Problems:
    """Open the problems of *folder*."""
    file = folder / "gavel.toml"
    file.write_text('[problems]\ndirs = ["problems"]\n')
    return await open_problems(load_config(file))


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; the test's own deadline bounds it."""
    while True:
        if condition():
            return
        await trio.sleep(0.02)


@pytest.fixture
async def problems(tmp_path: Path) -> Problems:
    """Give the problems of a folder that has one, `echo`."""
    write_problem(tmp_path)
    return await open_in(tmp_path)


async def test_problems_follow_their_folder(
    problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added, changed, broken, mended, removed: each is there soon, and told in the log."""
    monkeypatch.setattr("daemons.problems._LOOK_S", 0.1)
    package = tmp_path / "problems" / "echo"
    catalogue = problems.catalogue
    first = catalogue["echo"]
    with capture_logs() as logs, trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(problems.serve)
            write_problem(tmp_path, "added")
            await until(lambda: "added" in catalogue)
            write_problem(tmp_path, time_s=12)
            await until(lambda: catalogue["echo"].limits.time_s == 12)
            good = catalogue["echo"]
            (package / "data/secret/1.ans").unlink()
            await until(lambda: catalogue.errors)
            assert catalogue["echo"] is good
            write_problem(tmp_path, time_s=123)
            await until(lambda: catalogue["echo"].limits.time_s == 123)
            shutil.rmtree(package)
            await until(lambda: "echo" not in catalogue)
            nursery.cancel_scope.cancel(reason="seen")
    told = [entry["event"] for entry in logs]
    assert told == [
        "problem added", "problem changed", "problem refused", "problem changed", "problem removed",
    ]  # fmt: skip
    assert logs[1]["version"] == good.version != first.version
    refused = logs[2]
    assert refused["kept"] == good.version
    assert refused["reason"].startswith(f"{package}/data/secret/1.ans: expected a file")


async def test_problems_tell_what_is_refused_at_the_start(tmp_path: Path) -> None:
    """A package that can't be judged is told once, with the reason, and nothing stands for it."""
    write_problem(tmp_path)
    (tmp_path / "problems/echo/problem.yaml").write_text("type: nonsense\n")
    with capture_logs() as logs:
        problems = await open_in(tmp_path)
        assert await problems.find("echo") is None
    assert [(entry["event"], entry["kept"]) for entry in logs] == [("problem refused", None)]
    assert "problem.yaml:1" in str(problems.why_refused("echo"))
    assert problems.why_refused("other") is None


async def test_find_looks_for_what_is_not_known_yet(problems: Problems, tmp_path: Path) -> None:
    """A problem that came this very moment is found, without waiting for the next look."""
    write_problem(tmp_path, "new")
    found = await problems.find("new")
    assert found is not None
    assert found.id == "new"
    assert await problems.find("nothing") is None


async def test_find_shares_a_look_that_began_after_it(
    problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many who ask for what is not there cost two looks: the one under way, and one for all."""
    looks = []
    reload = problems.catalogue.reload

    def count(**how: bool) -> tuple[str, ...]:
        looks.append(how)
        return reload(**how)

    monkeypatch.setattr(problems.catalogue, "reload", count)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(problems.find, "nothing")
    assert len(looks) == 1
    assert await problems.find("nothing") is None
    assert len(looks) == 2


async def test_cancelled_find_leaves_the_others_theirs(
    problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives up in the middle of a look takes it from nobody: the next one looks."""
    write_problem(tmp_path, "new")
    scopes = [trio.CancelScope(), trio.CancelScope()]
    looking: list[trio.CancelScope] = []
    found = []

    def reload(**_: bool) -> tuple[str, ...]:
        monkeypatch.undo()
        trio.from_thread.run_sync(looking[0].cancel)
        trio.from_thread.check_cancelled()
        return ()

    monkeypatch.setattr(problems.catalogue, "reload", reload)

    async def ask(scope: trio.CancelScope) -> None:
        with scope:
            looking.append(scope)
            found.append(await problems.find("new"))

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for scope in scopes:
                nursery.start_soon(ask, scope)
    assert [scope.cancelled_caught for scope in looking] == [True, False]
    assert [problem.id for problem in found if problem] == ["new"]


async def test_opening_problems_stops_between_two_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop does not wait until the last of very many packages is read."""
    for number in range(3):
        write_problem(tmp_path, f"p{number}")
    read = []
    with trio.CancelScope() as scope:

        def load(path: Path):
            read.append(path.name)
            trio.from_thread.run_sync(scope.cancel)
            return load_problem(path)

        file = tmp_path / "gavel.toml"
        file.write_text('[problems]\ndirs = ["problems"]\n')
        await open_problems(load_config(file), load)
    assert scope.cancelled_caught
    assert read == ["p0"]
