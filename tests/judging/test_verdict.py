"""Verdicts: of one run, and of a whole submission."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judging.verdict import Total, Verdict, total, verdict_of
from protocol import messages


def test_verdict_has_the_values_of_the_protocol():
    """Judging may not import the protocol, so the two lists are kept equal here."""
    assert {v.name: v.value for v in Verdict} == {v.name: v.value for v in messages.Verdict}


@pytest.mark.parametrize(
    ("status", "accepted", "verdict"),
    [
        ("ok", True, "accepted"),
        ("ok", False, "wrong_answer"),
        ("ok", None, "accepted"),
        ("time_limit", None, "time_limit_exceeded"),
        ("idle_limit", None, "idle_limit_exceeded"),
        ("memory_limit", None, "memory_limit_exceeded"),
        ("output_limit", None, "output_limit_exceeded"),
        ("runtime_error", None, "runtime_error"),
        ("compile_error", None, "compile_error"),
        ("internal_error", None, "internal_error"),
    ],
)
def test_verdict_of_maps_every_status(status, accepted, verdict):
    """Each status of the sandbox has one verdict; only an "ok" run's output counts."""
    assert verdict_of(status, accepted) == verdict


def test_verdict_of_right_output_does_not_outweigh_a_crash():
    """A program that crashed is not accepted, whatever it wrote before."""
    assert verdict_of("runtime_error", True) is Verdict.RUNTIME_ERROR


def test_verdict_of_refuses_an_unknown_status():
    """A status that nobody knows is our mistake and never becomes a verdict."""
    with pytest.raises(ValueError, match="'exploded'"):
        verdict_of("exploded", None)


def test_total_accepts_when_every_test_is_accepted():
    """Pass-fail: all or nothing, and no score."""
    assert total(["accepted"] * 3) == Total(Verdict.ACCEPTED, tests_passed=3, score=None)


def test_total_is_the_first_failure():
    """Judging stops at the first failure, so that one names the verdict."""
    verdicts = ["accepted", "runtime_error", "wrong_answer"]
    assert total(verdicts) == Total(Verdict.RUNTIME_ERROR, tests_passed=1)


def test_total_with_an_internal_error_is_no_verdict_on_the_program():
    """What we did wrong outweighs what the program did wrong."""
    assert total(["wrong_answer", "internal_error"]).verdict is Verdict.INTERNAL_ERROR


def test_total_refuses_no_tests():
    """Nothing judged is not accepted."""
    with pytest.raises(ValueError, match="no test"):
        total([])


@given(st.lists(st.sampled_from(list(Verdict)), min_size=1))
def test_total_accepts_nothing_with_a_failure(verdicts):
    """Accepted means exactly that every test was."""
    accepted = all(v is Verdict.ACCEPTED for v in verdicts)
    assert (total(verdicts).verdict is Verdict.ACCEPTED) == accepted
    assert total(verdicts).tests_passed == verdicts.count(Verdict.ACCEPTED)
