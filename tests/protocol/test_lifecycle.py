"""The table of a submission's life: what can be reached, and what can't be left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.lifecycle import FINAL, TABLE, Step, after, state_diagram, steps
from protocol.messages import Status

ENDING = {Step.FINISH, Step.GIVE_UP, Step.CANCEL}


def test_every_state_is_reached_and_every_step_used() -> None:
    """Nothing in the table is dead."""
    reached = {Status.QUEUED}
    while more := {TABLE[key] for key in TABLE if key[0] in reached} - reached:
        reached |= more
    assert reached == set(Status)
    assert {step for _, step in TABLE} == set(Step)


def test_final_states_are_entered_only_by_ending_steps() -> None:
    """Exactly one final per generation: only three steps lead to it, and those nowhere else."""
    into_final = {step for (_, step), to in TABLE.items() if to in FINAL}
    elsewhere = {step for (_, step), to in TABLE.items() if to not in FINAL}
    assert into_final == ENDING
    assert not into_final & elsewhere


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_state_is_left_only_by_rejudging(state: Status) -> None:
    """A judged or cancelled submission stays so unless somebody asks anew."""
    assert list(steps(state)) == [Step.REJUDGE]
    assert after(state, Step.REJUDGE) is Status.QUEUED


@pytest.mark.parametrize("state", sorted(set(Status) - FINAL))
def test_unfinished_state_can_be_cancelled_and_finished(state: Status) -> None:
    """From whatever is not final, a cancel ends it at once and some way of steps judges it."""
    assert after(state, Step.CANCEL) is Status.CANCELLED
    reached = {state}
    while more := {TABLE[key] for key in TABLE if key[0] in reached - FINAL} - reached:
        reached |= more
    assert Status.DONE in reached


@pytest.mark.parametrize("state", [Status.COMPILING, Status.RUNNING])
@pytest.mark.parametrize("step", [Step.RELEASE, Step.EXPIRE])
def test_submission_of_a_lost_worker_is_queued_again(state: Status, step: Step) -> None:
    """Whoever claimed it and is gone, the submission is found again."""
    assert after(state, step) is Status.QUEUED


@given(st.lists(st.sampled_from(Step)))
def test_one_final_per_generation(history: list[Step]) -> None:
    """Whatever is tried in whatever order, a generation ends at most once."""
    state, finals, generations = Status.QUEUED, 0, 1
    for step in history:
        if (state, step) not in TABLE:
            with pytest.raises(LocalProtocolError, match=f"a {state} submission cannot {step}"):
                after(state, step)
            continue
        state = after(state, step)
        finals += state in FINAL
        generations += step is Step.REJUDGE
    assert finals == generations - (state not in FINAL)


@pytest.mark.parametrize("state", Status)
def test_steps_are_those_of_the_table(state: Status) -> None:
    """`steps` lists what `after` allows, each once."""
    listed = list(steps(state))
    assert len(listed) == len(set(listed))
    assert set(listed) == {step for from_, step in TABLE if from_ is state}


def test_diagram_shows_each_arrow_of_the_table() -> None:
    """Nothing that can happen to a submission is left out of its picture."""
    shown = {
        (from_, step): to
        for line in state_diagram().splitlines()[2:]
        for from_, to, steps in [line.strip().replace(" --> ", ": ").split(": ")]
        for step in steps.split(", ")
    }
    assert shown == TABLE
