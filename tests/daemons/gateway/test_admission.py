"""How many sockets there may be."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from daemons.gateway.admission import MAX_TOLD, Admission, Crowded


def test_admission_counts_per_process_and_address() -> None:
    """Either cap refuses, and says which it is."""
    admission = Admission(3, 2)
    with ExitStack() as stack:
        refusals = [
            stack.enter_context(admission.admitted(address))
            for address in ("a", "a", "a", "b", "c")
        ]

    too_many = "too many connections"
    assert [None, None, f"{too_many} from your address", None, too_many] == refusals


def test_admission_forgets_who_has_gone() -> None:
    """A place is free again when its socket has gone, by whatever way."""
    admission = Admission(1, 1)
    with pytest.raises(ZeroDivisionError), admission.admitted("a"):
        raise ZeroDivisionError
    with admission.admitted("a") as refusal:
        assert refusal is None


def test_admission_tells_only_so_many() -> None:
    """Beyond `MAX_TOLD` who are just being told, a socket is dropped without a word."""
    admission = Admission(1, 1)
    with ExitStack() as stack:
        for _ in range(1 + MAX_TOLD):
            stack.enter_context(admission.admitted("a"))
        with pytest.raises(Crowded), admission.admitted("b"):
            pytest.fail("one too many was admitted")
    with admission.admitted("b") as refusal:
        assert refusal is None
