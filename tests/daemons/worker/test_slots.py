"""What goes wrong with one submission stays with it: the slot, the worker and the queue go on."""

from __future__ import annotations

import json
import os
import resource
from contextlib import suppress
from pathlib import Path

import trio

from daemons.broker import Claims
from protocol import keys
from protocol.messages import Verdict
from tests.daemons.worker.conftest import (
    HELD,
    Site,
    Worker,
    echo_after,
    eventually,
    write_problem,
)


async def events_of(site: Site) -> list[dict[str, str]]:
    """Return the history of the user."""
    return [json.loads(raw) for raw in (await site.broker.replay("u1", None)).events]


async def test_suspects_run_alone(site: Site) -> None:
    """What may kill its worker shares it with nobody; the others run before and after it."""
    suspects = [await make_suspect(site) for _ in range(2)]
    worker = await site.open_worker(slots=3)
    await site.until(suspects[0], "started", times=3)
    others = [await site.submit(HELD, problem_id="patient") for _ in range(6)]

    async def over() -> bool:
        worker.release()
        return (await site.broker.queue_status())[:2] == (0, 0)

    # None of the others has ended by now: all of them are there to run together.
    await eventually(over)
    for id_ in (*suspects, *others):
        assert (await site.verdict(id_)).verdict is Verdict.ACCEPTED
    running: set[str] = set()
    together = 0
    for event in await events_of(site):
        if event["type"] in ("submission.judged", "submission.requeued"):
            running.discard(event["submission_id"])
        elif event["type"] == "submission.started":
            running.add(event["submission_id"])
            together = max(together, len(running))
            assert not running & set(suspects) or len(running) == 1
    assert together > 1


async def test_suspects_are_judged_under_a_load_that_does_not_end(site: Site) -> None:
    """A worker that is never idle by itself makes room for them, and then goes on."""
    suspect = await make_suspect(site)
    others = [await site.submit(echo_after(0.3)) for _ in range(4)]
    await site.open_worker(slots=2)
    judged: list[str] = []

    async with trio.open_nursery() as nursery:

        async def load(id_: str) -> None:
            while suspect not in judged:
                await site.verdict(id_)
                judged.append(id_)
                id_ = await site.submit(echo_after(0.3))

        for id_ in others:
            nursery.start_soon(load, id_)
        assert (await site.verdict(suspect)).verdict is Verdict.ACCEPTED
        judged.append(suspect)
    assert len(judged) > 4


async def make_suspect(site: Site) -> str:
    """Submit something that two workers have failed."""
    id_ = await site.submit(echo_after(0.3))
    claims = Claims(site.broker, "w0")
    for fate in ("requeued", "suspect"):
        hint = await site.broker.redis.call(("RPOP", keys.queue(0, "normal")))
        claim = await claims.claim(0, hint)
        assert claim is not None
        assert await claims.fail(claim) == fate
    return id_


def copies(worker: Worker) -> set[Path]:
    """Return the open files without names in which the worker keeps tests."""
    found = set()
    for fd in Path(f"/proc/{worker.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            if "(deleted)" in str(fd.readlink()) and fd.stat().st_size:
                found.add(fd)
    return found


async def test_broken_tests_cost_their_submissions_and_no_others(site: Site) -> None:
    """A copy of tests that can't be read is this host's fault: three tries, then a log of why."""
    worker = await site.open_worker()
    before = copies(worker)
    write_problem(site.folder, "broken")
    await eventually(lambda: worker.logged("problem added"))  # copied whole
    (broken,) = copies(worker) - before
    os.truncate(broken, 0)
    id_ = await site.submit(echo_after(0), problem_id="broken")
    submission = await site.verdict(id_)
    assert (submission.verdict, submission.attempt) == (Verdict.INTERNAL_ERROR, 3)
    assert (await site.kinds(id_)).count("requeued") == 2
    await eventually(lambda: worker.logged("judging crashed"))
    assert (await site.verdict(await site.submit(echo_after(0)))).verdict is Verdict.ACCEPTED
    assert (await site.broker.queue_status()) == (0, 0, 1)


async def test_broken_host_takes_nothing_until_it_is_mended(site: Site) -> None:
    """A host that can run nothing would else be the quickest to take and to fail all that waits."""
    worker = await site.open_worker(slots=1)
    # It has its connections when it has judged something; without descriptors it gets none.
    assert (await site.verdict(await site.submit(echo_after(0)))).verdict is Verdict.ACCEPTED
    soft, hard = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (3, hard))
    ids = [await site.submit(echo_after(0)) for _ in range(3)]
    await eventually(lambda: worker.logged("box out of service"))
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (soft, hard))
    submissions = [await site.verdict(id_) for id_ in ids]
    assert [each.verdict for each in submissions] == [Verdict.ACCEPTED] * 3
    assert [each.attempt for each in submissions] == [2, 1, 1]


async def test_request_of_another_version_ends_no_worker(site: Site) -> None:
    """A request that this version cannot read is given back, and the next one is judged."""
    id_ = await site.submit(echo_after(0))
    await site.broker.redis.call(("HSET", keys.submission(0, id_), "payload", '{"new":1}'))
    worker = await site.open_worker()
    assert (await site.verdict(id_)).verdict is Verdict.INTERNAL_ERROR
    assert (await site.verdict(await site.submit(echo_after(0)))).verdict is Verdict.ACCEPTED
    await eventually(lambda: worker.logged("unreadable request"))
    assert worker.process.poll() is None


async def test_heartbeat_finds_what_was_taken_away(site: Site) -> None:
    """A claim that is somebody else's now is dropped at the next heartbeat, without a word."""
    worker = await site.open_worker(beat_s=0.1, lease_s=600.0)
    id_ = await site.run_for_ever(worker)
    await site.broker.redis.call(("HSET", keys.submission(0, id_), "token", "somebody else's"))
    await eventually(lambda: worker.programs() == 0)
    await eventually(lambda: worker.logged("fenced"))
    assert await site.kinds(id_) == ["queued", "started", "compiled"]


async def test_large_tests_are_judged(site: Site) -> None:
    """Megabytes in and out go through unharmed, and a late difference in them is found."""
    line = "0123456789" * 10 + "\n"
    for name, end in (("big", ""), ("big-wrong", "x\n")):
        write_problem(site.folder, name)
        package = site.folder / "problems" / name
        (package / "data/secret/1.in").write_text(line * 30000)
        (package / "data/secret/1.ans").write_text(line * 30000 + end)
    await site.open_worker()
    code = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    right = await site.submit(code, "python", "big")
    wrong = await site.submit(code, "python", "big-wrong")
    assert (await site.verdict(right)).verdict is Verdict.ACCEPTED
    assert (await site.verdict(wrong)).verdict is Verdict.WRONG_ANSWER
