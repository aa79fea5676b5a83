"""Copies of tests: whatever a teacher does to a package, a begun submission does not see it."""

from __future__ import annotations

import errno
import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from daemons.worker.kept import KeepTests
from daemons.worker.programs import open_boxes
from daemons.worker.toolchains import find_toolchains
from judging.languages import load_languages
from judging.package import PackageError, Problem, load_problem
from sandbox import Grade
from tests.daemons.worker.packages import Judge, verdicts, write_package

PATIENCE_S = 120.0
FILES: dict[str, str | None] = {
    "data/secret/2.in": "20\n",
    "data/secret/2.ans": "an answer\n",
    "data/secret/2.files/more.txt": "some more\n",
}


@pytest.fixture
async def judge(tmp_path: Path) -> AsyncIterator[Judge]:
    """Give a judge with one box and Python."""
    toolchains = await find_toolchains([load_languages()["python"]])
    with trio.fail_after(PATIENCE_S):
        async with open_boxes(toolchains.values(), slots=1, grade=Grade.REDUCED) as sandbox:
            yield Judge(sandbox.boxes[0], toolchains, tmp_path)


def write_over(package: Path) -> None:
    """Change the tests' files in place, as some editors do."""
    for file in package.glob("data/*/*.*"):
        if file.is_file():
            file.write_text("another text\n")


def put_in_place(package: Path) -> None:
    """Put other files in the place of the tests', as other editors do."""
    for file in package.glob("data/*/*.*"):
        if file.is_file():
            file.with_name("new").write_text("another text\n")
            file.with_name("new").rename(file)


def exchange(package: Path) -> None:
    """Put another package in its place."""
    other = package.with_name("other")
    shutil.copytree(package, other)
    write_over(other)
    package.rename(package.with_name("old"))
    other.rename(package)


CHANGES = [write_over, put_in_place, exchange, shutil.rmtree]


class OnFirst(list[object]):
    """Steps of a judging; *then* is called at the first, before any test is run."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then

    def append(self, step: object) -> None:
        """Take a step."""
        if not self:
            self._then()
        super().append(step)


def open_files() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def contents(problem: Problem) -> list[bytes]:
    """Return what the tests of *problem* read."""
    files = [
        file for test in problem.tests for file in (test.input, test.answer, *test.files.values())
    ]
    assert [problem.content.size(file) for file in files] == [
        len(problem.content.read(file)) for file in files
    ]
    return [problem.content.read(file) for file in files]


@pytest.mark.parametrize("change", CHANGES)
def test_kept_tests_stay_what_they_were(change: Callable[[Path], None], tmp_path: Path) -> None:
    """Files written over, replaced, or deleted with their folder: the copy has what was read."""
    package = write_package(tmp_path, FILES).path
    problem = KeepTests(tmp_path / "kept")(package)
    before = contents(load_problem(package))
    change(package)
    assert contents(problem) == before
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("change", CHANGES)
async def test_begun_submission_keeps_its_tests(
    judge: Judge, change: Callable[[Path], None], tmp_path: Path
) -> None:
    """A package that changes between compiling and the first test changes nothing for it."""
    package = write_package(tmp_path, FILES).path
    problem = KeepTests(tmp_path / "kept")(package)
    judge.steps = OnFirst(lambda: change(package))
    code = "assert input() in ('3', '10', '20')\nprint('an answer')\n"
    judgement = await judge.judge(problem, code)
    assert verdicts(judgement) == ["accepted"] * 3
    assert not judge.faults


async def test_tests_that_nobody_kept_do_change(judge: Judge, tmp_path: Path) -> None:
    """The guard off: read from the package, the tests are others in the middle of a judging."""
    problem = write_package(tmp_path, FILES)
    judge.steps = OnFirst(lambda: write_over(problem.path))
    judgement = await judge.judge(problem, "print('an answer')")
    assert verdicts(judgement) == ["wrong_answer"]


def test_kept_tests_go_with_their_problem(tmp_path: Path) -> None:
    """The copy is closed when nobody has the problem any more, and has its room back."""
    package = write_package(tmp_path, FILES).path
    load = KeepTests(tmp_path / "kept")
    gc.collect()
    before = open_files()
    problems = [load(package) for _ in range(5)]
    assert open_files() == before + 5
    del problems
    gc.collect()
    assert open_files() == before


def test_kept_tests_need_no_unnamed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system has none, a file loses its name at once."""
    package = write_package(tmp_path, FILES).path
    monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY | os.O_EXCL)  # what old systems make of it
    problem = KeepTests(tmp_path / "kept")(package)
    assert contents(problem) == contents(load_problem(package))
    assert list((tmp_path / "kept").iterdir()) == []


def test_kept_tests_without_room_refuse_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk names the folder that is full, leaves nothing open, and is the host's fault."""
    package = write_package(tmp_path, FILES).path

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    load = KeepTests(tmp_path / "kept")
    gc.collect()
    before = open_files()
    monkeypatch.setattr(os, "sendfile", full)
    with pytest.raises(PackageError, match="kept: No space left") as caught:
        load(package)
    assert isinstance(caught.value.__cause__, OSError)
    assert open_files() == before
