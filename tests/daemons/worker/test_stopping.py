"""A worker that stops loses nothing: what runs ends, or is given back for another worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from daemons.config import EXIT_CONFIG
from protocol.messages import Status, Verdict
from tests.daemons.worker.conftest import (
    HELD,
    PATIENCE_S,
    ROOT,
    Site,
    echo_after,
    eventually,
    still_alive,
)


async def test_stopping_worker_finishes_what_runs(site: Site) -> None:
    """On SIGTERM the running submission is judged, nothing new is taken, and the exit code is 0."""
    worker = await site.open_worker(drain_s=PATIENCE_S)
    runs = await site.submit(HELD, problem_id="patient")
    waits = await site.submit(echo_after(0))
    await eventually(lambda: worker.programs() == 1)
    processes = worker.descendants()
    worker.process.send_signal(signal.SIGTERM)
    await eventually(lambda: worker.logged("stopping"))
    await site.released(worker, runs)
    assert await worker.ended() == 0
    submission = await site.broker.get(runs)
    assert submission is not None
    assert (submission.verdict, submission.attempt) == (Verdict.ACCEPTED, 1)
    left = await site.broker.get(waits)
    assert left is not None
    assert (left.status, left.position) == (Status.QUEUED, 1)
    await eventually(lambda: not still_alive(processes))
    assert await site.broker.workers() == []


async def test_stopping_worker_gives_back_what_takes_too_long(site: Site) -> None:
    """After the drain time a run is killed and given back, next in turn and without blame."""
    first = await site.open_worker(drain_s=0.2)
    id_ = await site.submit(HELD, problem_id="patient")
    other = await site.submit(echo_after(0))
    await site.until(id_, "compiled")
    processes = first.descendants()
    assert await first.stop() == 0
    await eventually(lambda: not still_alive(processes))
    [requeued] = [e for e in await site.story(id_) if e["type"] == "submission.requeued"]
    assert (requeued["reason"], requeued["attempt"]) == ("released", 1)
    waiting = await site.broker.get(id_)
    assert waiting is not None
    assert (waiting.status, waiting.position) == (Status.QUEUED, 1)
    second = await site.open_worker()
    submission = await site.released(second, id_)
    assert (submission.verdict, submission.attempt) == (Verdict.ACCEPTED, 2)
    assert (await site.verdict(other)).verdict is Verdict.ACCEPTED
    events = [e["type"] for e in await site.story(id_)] + [
        e["type"] for e in await site.story(other)
    ]
    assert events.count("submission.judged") == 2


async def test_worker_without_its_supervisor_gives_back_in_time(site: Site) -> None:
    """The supervisor's death leaves less time than the drain: the run is given back before it."""
    reader, writer = os.pipe()
    try:
        worker = site.start_worker(lifeline=reader)
        await eventually(lambda: worker.logged("ready"))
        id_ = await site.run_for_ever(worker)
    finally:
        os.close(reader)
        os.close(writer)
    assert await worker.ended() == 0
    [requeued] = [e for e in await site.story(id_) if e["type"] == "submission.requeued"]
    assert requeued["reason"] == "released"


async def test_idle_worker_stops_at_once(site: Site) -> None:
    """With nothing to judge the pop is ended from outside, and no element is lost by it.

    It is off the list at once, and not when its last sign of life has expired.
    """
    worker = await site.open_worker(slots=2, beat_s=300.0, lease_s=600.0)
    assert len(await site.broker.workers()) == 1
    assert await worker.stop() == 0
    assert await site.broker.workers() == []
    id_ = await site.submit(echo_after(0))
    await site.open_worker()
    assert (await site.verdict(id_)).attempt == 1


async def test_second_signal_ends_the_worker(site: Site) -> None:
    """Who asks twice does not wait for the run; it is found by its lease."""
    first = await site.open_worker()
    id_ = await site.run_for_ever(first)
    processes = first.descendants()
    first.process.send_signal(signal.SIGTERM)
    await eventually(lambda: first.logged("stopping"))
    assert await first.stop() == 0
    await eventually(lambda: not still_alive(processes))
    await site.open_worker()
    await site.until(id_, "started", times=2)


def test_worker_refuses_a_configuration_without_sense(tmp_path: object) -> None:
    """A wrong key is exit code 78 with the key's name, before anything is opened."""
    config = f"{tmp_path}/gavel.toml"
    with open(config, "w") as file:  # noqa: PTH123
        file.write("[worker]\nslots = -1\n")
    done = subprocess.run(
        [sys.executable, "-m", "daemons.cli.main", "worker", "--config", config],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == EXIT_CONFIG
    assert b"[worker] slots" in done.stderr
