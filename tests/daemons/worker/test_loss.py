"""Whatever dies under a running submission: it is judged once all the same, and nothing runs on."""

from __future__ import annotations

import os
import signal

import pytest
import trio

from protocol import keys
from protocol.messages import Verdict
from tests.daemons.worker.conftest import HELD, Site, echo_after, eventually, still_alive


async def test_killed_worker_is_followed_by_another(site: Site) -> None:
    """Kill -9 in the middle of a run: all of it dies at once, and another worker judges anew."""
    first = await site.open_worker()
    id_ = await site.submit(HELD, problem_id="patient")
    await site.until(id_, "compiled")
    await eventually(lambda: first.programs() == 1)
    processes = first.descendants()
    os.kill(first.pid, signal.SIGKILL)
    await eventually(lambda: not still_alive(processes))
    second = await site.open_worker()
    submission = await site.released(second, id_)
    assert (submission.verdict, submission.attempt) == (Verdict.ACCEPTED, 2)
    kinds = await site.kinds(id_)
    lost = kinds.index("requeued")
    assert kinds[:3] == ["queued", "started", "compiled"]
    assert kinds[lost:] == ["requeued", "started", "compiled", "test", "test", "judged"]
    events = await site.story(id_)
    assert events[lost]["reason"] == "worker_lost"
    assert [e["attempt"] for e in events if "attempt" in e] == [1, 1, 2, 2]
    assert (await site.broker.queue_status()) == (0, 0, 0)


async def test_dead_worker_of_this_machine_is_not_waited_for(site: Site) -> None:
    """The kernel tells that it has ended: its submission is judged anew long before the lease ends."""
    first = await site.open_worker(lease_s=600.0, beat_s=200.0)
    id_ = await site.run_for_ever(first)
    await site.open_worker(lease_s=600.0, beat_s=200.0)
    os.kill(first.pid, signal.SIGKILL)
    await site.until(id_, "compiled", times=2)
    assert (await site.kinds(id_)).count("requeued") == 1


async def test_worker_cut_off_from_the_store_kills_its_runs(site: Site) -> None:
    """A store that stops answering: the run ends before anybody else could begin it again.

    The store stands still while the run ends, so nobody has told the worker; when it goes on, the
    submission is judged once.
    """
    worker = await site.open_worker(lease_s=2.0)
    id_ = await site.run_for_ever(worker)
    pid = site.store.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await eventually(lambda: worker.programs() == 0)
        await eventually(lambda: worker.logged("judging dropped"))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert worker.process.poll() is None
    await site.until(id_, "requeued")
    await site.broker.cancel(id_)
    kinds = await site.kinds(id_)
    assert (kinds.count("judged"), kinds.count("cancelled")) == (0, 1)
    after = await site.verdict(await site.submit(echo_after(0), user_id="u2"), "u2")
    assert after.verdict is Verdict.ACCEPTED


async def test_killed_store_costs_no_verdict_and_no_worker(site: Site) -> None:
    """Kill -9 of the store under a run: it comes back and hears the verdict, once."""
    worker = await site.open_worker(lease_s=600.0)
    id_ = await site.submit(HELD, problem_id="patient")
    await site.until(id_, "compiled")
    await eventually(lambda: worker.programs() == 1)
    site.store.kill()
    await eventually(lambda: worker.logged("heartbeat failed"))
    site.store.start()
    submission = await site.released(worker, id_)
    assert (submission.verdict, submission.attempt) == (Verdict.ACCEPTED, 1)
    kinds = await site.kinds(id_)
    assert kinds == ["queued", "started", "compiled", "test", "test", "judged"]
    again = await site.submit(echo_after(0))
    assert (await site.verdict(again)).verdict is Verdict.ACCEPTED
    assert worker.process.poll() is None
    assert await worker.stop() == 0


async def test_late_result_is_delivered_while_it_is_wanted(site: Site) -> None:
    """What was judged is not judged anew because the store was away for longer than the fence."""
    lease_s = 4.0
    worker = await site.open_worker(lease_s=lease_s)
    id_ = await site.submit(HELD, problem_id="patient")
    await site.until(id_, "test")
    await eventually(lambda: worker.programs() == 1)

    def is_over() -> bool:
        worker.release()
        return worker.programs() == 0

    site.store.kill()
    killed = trio.current_time()
    await eventually(is_over)
    # Not so on a host that stood still meanwhile, up to the fence.
    in_time = not worker.logged("judging dropped")
    await trio.sleep_until(killed + lease_s)
    site.store.start()
    submission = await site.released(worker, id_)
    assert submission.verdict is Verdict.ACCEPTED
    assert submission.attempt == 1 or not in_time
    assert (await site.kinds(id_)).count("judged") == 1


async def test_worker_starts_and_waits_without_a_store(site: Site) -> None:
    """A worker that finds no store is ready all the same and judges when there is one."""
    site.store.kill()
    worker = await site.open_worker()
    await eventually(lambda: worker.logged("store unreachable"))
    site.store.start()
    await eventually(lambda: site.broker.redis.connected)
    assert (await site.verdict(await site.submit(echo_after(0)))).verdict is Verdict.ACCEPTED
    site.store.kill()
    assert await worker.stop() == 0


@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        ("launcher", "launcher: it or the slot's warden ended"),
        ("cell-init", "cell-init: was killed by SIGKILL, and with it a run after go"),
        ("run-init", "run-init: was killed by SIGKILL after go"),
    ],
)
async def test_dead_sandbox_is_made_anew(site: Site, victim: str, reason: str) -> None:
    """Kill -9 of a part of it: the host's fault, so the submission is tried again, and told."""
    worker = await site.open_worker()
    id_ = await site.submit(HELD, problem_id="patient")
    await site.until(id_, "test")
    await eventually(lambda: worker.programs() == 1)
    init, cell = worker.above_program()
    victims = {"launcher": worker.launcher(), "cell-init": cell, "run-init": init}
    running = {each for each in worker.descendants() if each[0] == init}
    os.kill(victims[victim], signal.SIGKILL)
    # Released before the kernel has got so far, the program would end as it should.
    await eventually(lambda: not still_alive(running))
    submission = await site.released(worker, id_)
    assert (submission.verdict, submission.attempt) == (Verdict.ACCEPTED, 2)
    [requeued] = [e for e in await site.story(id_) if e["type"] == "submission.requeued"]
    assert requeued["reason"] == "worker_failed"
    await eventually(lambda: worker.logged("sandbox failed"))
    [failed] = [line for line in worker.logs() if line["event"] == "sandbox failed"]
    assert reason in failed["exception"]
    assert worker.process.poll() is None


async def test_popped_and_never_claimed_is_found(site: Site) -> None:
    """A hint that died with whoever popped it is put back, and the submission judged."""
    id_ = await site.submit(echo_after(0))
    assert await site.broker.redis.call(("RPOP", keys.queue(0, "normal"))) is not None
    worker = await site.open_worker()
    assert (await site.verdict(id_)).verdict is Verdict.ACCEPTED
    await eventually(lambda: worker.logged("popped and never claimed"))


async def test_cancelled_run_stops_at_once(site: Site) -> None:
    """Cancelling a running submission kills its program; nobody waits for the next heartbeat."""
    worker = await site.open_worker(lease_s=600.0, beat_s=300.0)
    id_ = await site.run_for_ever(worker)

    async def listens() -> bool:
        ask = ("PUBSUB", "NUMSUB", keys.control(0))
        return (await site.broker.redis.call(ask))[1] == 1

    await eventually(listens)
    answer = await site.broker.cancel(id_)
    assert answer is not None
    assert answer[1]
    await eventually(lambda: worker.programs() == 0)
    assert (await site.kinds(id_)) == ["queued", "started", "compiled", "cancelled"]
    assert (await site.verdict(await site.submit(echo_after(0)))).verdict is Verdict.ACCEPTED
    assert (await site.kinds(id_))[-1] == "cancelled"
