"""Idle slots of a real worker help with a long submission, and let go of it for a newcomer."""

from __future__ import annotations

import os
import signal

import pytest

from protocol.messages import Verdict
from tests.daemons.worker.conftest import HELD, Site, echo_after, eventually, write_problem

TESTS = 8
#: The sample's "hello" takes a while, all else for ever.
ENDLESS_BUT_ONE = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) {
    char line[99] = "";
    fgets(line, sizeof line, stdin);
    if (*line == 'h') usleep(400000); else pause();
    puts(line);
}
"""
#: Wrong on the fifth test, and endless on all behind it.
WRONG_IN_THE_MIDDLE = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) {
    char line[99] = "";
    fgets(line, sizeof line, stdin);
    if (*line > '2' && *line < '9') pause();
    usleep(100000);
    puts(*line == '2' ? "wrong" : line);
}
"""


def write_long_problem(site: Site) -> None:
    """Write a problem of many tests whose limits are far away."""
    write_problem(site.folder, "long", time_s=100)
    for number in range(TESTS - 2):
        for suffix in ("in", "ans"):
            path = site.folder / f"problems/long/data/secret/more{number}.{suffix}"
            path.write_text(f"{number}\n")


async def test_idle_slot_helps_with_a_long_submission(site: Site) -> None:
    """Two programs of one submission run at a time, and its user sees the tests in order."""
    write_long_problem(site)
    worker = await site.open_worker(slots=2)
    id_ = await site.submit(HELD, problem_id="long")
    await eventually(lambda: worker.programs() == 2)
    submission = await site.released(worker, id_)
    assert (submission.verdict, submission.tests_passed) == (Verdict.ACCEPTED, TESTS)
    told = [e["index"] for e in await site.story(id_) if e["type"] == "submission.test"]
    assert told == list(range(1, TESTS + 1))


async def test_newcomer_gets_the_slot_that_helps(site: Site) -> None:
    """Whoever comes is judged at once, while the long one goes on; neither loses a test."""
    write_long_problem(site)
    worker = await site.open_worker(slots=2)
    long = await site.submit(HELD, problem_id="long")
    await eventually(lambda: worker.programs() == 2)
    newcomers = [await site.submit(echo_after(0), user_id="u2") for _ in range(3)]
    for id_ in newcomers:
        assert (await site.verdict(id_, "u2")).verdict is Verdict.ACCEPTED
    assert "judged" not in await site.kinds(long)
    submission = await site.released(worker, long)
    assert (submission.verdict, submission.tests_passed) == (Verdict.ACCEPTED, TESTS)


async def test_cancel_stops_a_submission_in_all_its_slots(site: Site) -> None:
    """A cancelled submission's programs end in the borrowed slot as well, which is then free."""
    write_long_problem(site)
    worker = await site.open_worker(slots=2)
    id_ = await site.submit(ENDLESS_BUT_ONE, problem_id="long")
    await eventually(lambda: worker.programs() == 2)
    await site.broker.cancel(id_)
    await eventually(lambda: worker.programs() == 0)
    ids = [await site.submit(echo_after(0)) for _ in range(2)]
    for each in ids:
        assert (await site.verdict(each)).verdict is Verdict.ACCEPTED


async def test_failure_in_the_middle_stops_what_runs_behind_it(site: Site) -> None:
    """What the other slot had begun is stopped and told to nobody; both slots are free again."""
    write_long_problem(site)
    worker = await site.open_worker(slots=2)
    id_ = await site.submit(WRONG_IN_THE_MIDDLE, problem_id="long")
    submission = await site.verdict(id_)
    assert (submission.verdict, submission.tests_passed) == (Verdict.WRONG_ANSWER, 4)
    told = [e["verdict"] for e in await site.story(id_) if e["type"] == "submission.test"]
    assert told == [*["accepted"] * 4, "wrong_answer"]
    assert [test.verdict.value for test in submission.tests] == told
    await eventually(lambda: worker.programs() == 0)
    for each in [await site.submit(echo_after(0)) for _ in range(2)]:
        assert (await site.verdict(each)).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("which", [0, 1])
async def test_slot_that_breaks_in_the_middle_loses_no_test(site: Site, which: int) -> None:
    """A borrowed one leaves its test to the other; the own one costs a try, and all is run anew."""
    write_long_problem(site)
    worker = await site.open_worker(slots=2)
    id_ = await site.submit(HELD, problem_id="long")
    await eventually(lambda: worker.programs() == 2)
    os.kill(worker.wardens()[which], signal.SIGKILL)
    submission = await site.released(worker, id_)
    assert (submission.verdict, submission.tests_passed) == (Verdict.ACCEPTED, TESTS)
    borrowed, own = worker.logged("borrowed box failed"), worker.logged("sandbox failed")
    assert (borrowed, own) in ((True, False), (False, True))
    assert submission.attempt == (2 if own else 1)
    told = [e["index"] for e in await site.story(id_) if e["type"] == "submission.test"]
    assert told[-TESTS:] == list(range(1, TESTS + 1))
    assert told[:-TESTS] == list(range(1, len(told) - TESTS + 1))
