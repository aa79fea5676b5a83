"""Packages that come, change and go while a worker judges."""

from __future__ import annotations

import shutil

from protocol.messages import Verdict
from tests.daemons.worker.conftest import Site, echo_after, eventually, write_problem

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); }\n'


async def test_worker_judges_by_the_version_of_the_moment(site: Site) -> None:
    """A new problem at once; a changed one anew when rejudged; a broken one as it was."""
    worker = await site.open_worker()
    write_problem(site.folder, "new")
    id_ = await site.submit(HELLO, problem_id="new")
    first = await site.verdict(id_)
    assert first.verdict is Verdict.WRONG_ANSWER
    assert first.problem_version is not None

    # At once: nobody finds half of it, however long it takes to write.
    changed = site.folder / "changed"
    changed.write_text("hello\n")
    package = site.folder / "problems" / "new"
    changed.rename(package / "data/secret/1.ans")
    await eventually(lambda: worker.logged("problem changed"))
    (package / "problem.yaml").write_text("type: nonsense\n")
    await eventually(lambda: worker.logged("problem refused"))
    await site.broker.rejudge(id_)
    await site.until(id_, "judged", times=2)
    second = await site.broker.get(id_)
    assert second is not None
    assert second.verdict is Verdict.ACCEPTED
    assert second.problem_version not in (None, first.problem_version)
    (earlier,) = second.history
    assert earlier.problem_version == first.problem_version


async def test_submission_to_a_problem_that_went_away_says_so(site: Site) -> None:
    """A package that is removed while a submission to it waits: an internal error with the reason."""
    write_problem(site.folder, "gone")
    worker = await site.open_worker()
    before = await site.run_for_ever(worker)
    id_ = await site.submit(echo_after(0), problem_id="gone")
    shutil.rmtree(site.folder / "problems" / "gone")
    await eventually(lambda: worker.logged("problem removed"))
    await site.broker.cancel(before)
    submission = await site.verdict(id_)
    assert submission.verdict is Verdict.INTERNAL_ERROR
    assert submission.compile_output == (
        "there is no problem 'gone' any more: its package is gone from this worker"
    )


async def test_submission_to_a_refused_package_says_so(site: Site) -> None:
    """What is wrong with the package is in the worker's log; its users are told that it is wrong."""
    write_problem(site.folder, "bad")
    (site.folder / "problems/bad/problem.yaml").write_text("type: nonsense\n")
    worker = await site.open_worker()
    submission = await site.verdict(await site.submit(HELLO, problem_id="bad"))
    assert submission.verdict is Verdict.INTERNAL_ERROR
    assert submission.compile_output == (
        "the package of problem 'bad' can't be judged; the worker's log says why"
    )
    await eventually(lambda: worker.logged("problem refused"))
