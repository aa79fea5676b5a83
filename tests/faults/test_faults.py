"""The list of faults is whole, and its judge fails what must fail. `make faults` plays them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import cast

import httpx2
import pytest
import trio

from tests.faults import ground as grounds
from tests.faults.__main__ import FAMILIES
from tests.faults.census import find_left
from tests.faults.fault import FAULTS, Fault, Setup, TooLate
from tests.faults.ground import Ground
from tests.faults.run import play, play_all
from tests.system.conftest import Seen, System, see

CONTROLS = 4


async def good(_: Ground) -> str:
    """Do nothing."""
    return "all well"


async def bad(_: Ground) -> str:
    """Find something."""
    raise AssertionError("one is lost")


def make(do: object, **more: object) -> Fault:
    """Return a fault that starts no system."""
    return Fault(0, "made up", "", Setup(bare=True), do, **more)  # type: ignore[arg-type]


def test_list_has_forty_faults_and_the_controls() -> None:
    """Every fault is played, or is listed with the reason why not; the controls are there."""
    assert FAMILIES
    assert {each.number for each in FAULTS} == set(range(1, 41))
    assert sum(bool(each.must_fail) for each in FAULTS) == CONTROLS
    assert all(each.injected for each in FAULTS)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (make(good), "passed"),
        (make(bad), "FAILED"),
        (make(bad, absent="no such thing here"), "not here"),
        (make(bad, must_fail="is lost"), "passed"),
        (make(bad, must_fail="comes twice"), "FAILED"),
        (make(good, must_fail="is lost"), "FAILED"),
    ],
)
async def test_fault_passes_only_as_it_must(fault: Fault, verdict: str) -> None:
    """A control passes if it fails, and for its own reason; what is not played is not passed."""
    outcome = await play(fault)

    assert outcome.verdict == verdict
    assert outcome.as_json()["control"] == bool(fault.must_fail)


LATE = TooLate("not in time")
LOSS = AssertionError("lost, and not in time")


@pytest.mark.parametrize(
    ("error", "played"),
    [
        (LATE, 2),
        (LOSS, 1),
        (httpx2.ReadTimeout("not in time"), 2),
        (subprocess.TimeoutExpired("not in time", 1.0), 2),
        (ExceptionGroup("two", [trio.TooSlowError(), LATE]), 2),
        (ExceptionGroup("two", [LATE, LOSS]), 1),
        (ExceptionGroup("two", [LATE, ValueError("not in time")]), 1),
    ],
)
async def test_only_what_was_too_late_gets_a_second_try(error: Exception, played: int) -> None:
    """A bound of time may be missed for the sake of the others; a loss is a loss."""
    plays = []

    async def late_once(_: Ground) -> str:
        plays.append(error)
        if len(plays) == 1:
            raise error
        return "in time"

    (outcome,) = await play_all([make(late_once)], 1, show=False)

    assert len(plays) == played
    assert outcome.verdict == ("passed" if played == 2 else "FAILED")
    assert "not in time" in outcome.observed or "TooSlowError" in outcome.observed


async def test_what_is_late_in_the_end_hides_no_loss() -> None:
    """What was found wrong counts, though the system then takes too long to stop."""

    async def lose(_: Ground) -> str:
        try:
            raise LOSS
        finally:
            raise subprocess.TimeoutExpired("gavel up", 40.0)

    outcome = await play(make(lose))

    assert (outcome.verdict, outcome.late) == ("FAILED", False)
    assert "lost" in outcome.observed


async def test_what_comes_after_its_bound_is_late_and_what_does_not_is_lost(
    monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    """A second try is for what came too late, never for what did not come."""
    bare = Ground(Path(), cast("System", None), Setup(), nursery, nursery)
    looks = iter([False, True])

    with pytest.raises(TooLate, match="a thing"):
        await bare.until(lambda: next(looks), "a thing", 0.0)

    monkeypatch.setattr(grounds, "LOST_S", 0.02)
    with pytest.raises(AssertionError, match="a thing") as lost:
        await bare.until(lambda: False, "a thing", 0.0)
    assert lost.type is AssertionError


def test_stranger_with_the_pid_of_one_that_has_ended_is_not_left_over() -> None:
    """The census knows processes by when they started, too: pids come round."""
    ours = see(os.getpid())

    assert find_left([ours]) == [f"process {ours.pid}"]
    assert find_left([Seen(ours.pid, ours.start_ticks - 1)]) == []
