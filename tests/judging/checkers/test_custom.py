"""What checkers written with testlib say by their exit codes and their first words."""

from __future__ import annotations

import pytest

from judging.checkers.custom import Interface, ValidatorFault, read_finding


@pytest.mark.parametrize(
    ("exit_code", "said", "accepted", "score"),
    [
        (0, "ok 3 numbers", True, None),
        (1, "wrong answer 1st numbers differ", False, None),
        (2, "wrong output format Unexpected end of file", False, None),
        (4, "wrong output format Extra information", False, None),
        (8, "unexpected eof ", False, None),
        (7, "points 0.5 half of it", True, 0.5),
        (7, "points 0 nothing", False, 0.0),
        (50, "partially correct (50) half of it", True, 50.0),
        # By the exit code alone these would be right, wrong, and points.
        (0, "partially correct (0) nothing", False, 0.0),
        (1, "partially correct (1) a little", True, 1.0),
        (7, "partially correct (7) a little", True, 7.0),
    ],
)
def test_testlib_says_it_by_exit_code_and_first_words(
    exit_code: int, said: str, accepted: bool, score: float | None
) -> None:
    """What testlib's `quitf`, `quitp` and `_pc` end with."""
    found = read_finding(Interface.TESTLIB, exit_code, {}, said.encode())
    assert (found.accepted, found.score, found.judge_message) == (accepted, score, said.strip())


@pytest.mark.parametrize(
    ("exit_code", "said"),
    [
        (3, "FAIL no answer"),
        (7, "points nan"),
        (7, "none"),
        (50, "partially correct (5) x"),
        (9, ""),
    ],
)
def test_testlib_that_failed_blames_the_package(exit_code: int, said: str) -> None:
    """A checker that fails, or contradicts itself, has no verdict against the program."""
    with pytest.raises(ValidatorFault, match=f"exit code {exit_code}"):
        read_finding(Interface.TESTLIB, exit_code, {}, said.encode())
