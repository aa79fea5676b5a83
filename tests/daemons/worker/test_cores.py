"""Cores are held by one worker at a time, all that it wants or none."""

from __future__ import annotations

import os
import secrets

from daemons.worker.cores import take_cores


def test_cores_are_taken_once() -> None:
    """Who comes second gets others, and those of the first when he has gone."""
    domain = secrets.token_hex(8)
    allowed = sorted(os.sched_getaffinity(0))
    with take_cores(1, domain) as first:
        assert first == allowed[:1]
        with take_cores(1, domain) as second:
            assert second == allowed[1:2]
    with take_cores(len(allowed), domain) as all_of_them:
        assert all_of_them == allowed


def test_cores_are_not_taken_where_they_are_too_few() -> None:
    """More slots than cores: none is held, so that another worker can have them."""
    domain = secrets.token_hex(8)
    allowed = sorted(os.sched_getaffinity(0))
    with take_cores(len(allowed) + 1, domain) as none:
        assert none == []
        with take_cores(len(allowed), domain) as all_of_them:
            assert all_of_them == allowed
