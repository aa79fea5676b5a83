"""Names of keys: partitions, ids that sort, and the table of the module's docstring."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import keys
from protocol.errors import LocalProtocolError

times_ms = st.integers(0, 2**48 - 1)
entropies = st.integers(0, 2**80)
partitions = st.integers(0, keys.MAX_PARTITIONS - 1)


@given(times_ms, entropies, partitions)
def test_submission_id_names_its_partition(unix_ms: int, entropy: int, partition: int) -> None:
    """The id alone tells where the submission lies."""
    submission_id = keys.make_submission_id(unix_ms, entropy, partition)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", submission_id)
    assert keys.partition_of_submission(submission_id) == partition


@given(times_ms, times_ms, entropies, entropies, partitions, partitions)
def test_submission_ids_sort_by_time(a: int, b: int, x: int, y: int, p: int, q: int) -> None:
    """Of two ids the one made in an earlier millisecond sorts first."""
    first, second = keys.make_submission_id(a, x, p), keys.make_submission_id(b, y, q)
    if a != b:
        assert (first < second) == (a < b)


@given(times_ms, st.integers(0, 2**70 - 1), st.integers(0, 2**70 - 1), partitions)
def test_submission_ids_differ_by_entropy(ms: int, x: int, y: int, partition: int) -> None:
    """All 70 random bits are in the id, so two in one millisecond differ."""
    made = {keys.make_submission_id(ms, entropy, partition) for entropy in (x, y)}
    assert len(made) == len({x, y})


@pytest.mark.parametrize(
    ("unix_ms", "partition"), [(-1, 0), (2**48, 0), (0, -1), (0, keys.MAX_PARTITIONS)]
)
def test_submission_id_refuses_what_has_no_room(unix_ms: int, partition: int) -> None:
    """A number that would spill into its neighbour's bits is a bug, not an id."""
    with pytest.raises(LocalProtocolError):
        keys.make_submission_id(unix_ms, 0, partition)


@pytest.mark.parametrize(
    "other", ["", "0" * 25, "0" * 27, "0" * 25 + "U", "0" * 25 + "a", "ü" * 26]
)
def test_partition_of_submission_refuses_other_strings(other: str) -> None:
    """What is no submission id names no partition, so no key is ever made of it."""
    assert keys.partition_of_submission(other) is None


def test_partition_of_user_is_redis_clusters_checksum() -> None:
    """CRC16/XMODEM with the check value of the Redis Cluster specification."""
    assert keys.partition_of_user("123456789", 0x10000) == 0x31C3


@given(st.text(), st.integers(1, keys.MAX_PARTITIONS))
def test_partition_of_user_is_in_range(user_id: str, count: int) -> None:
    """Every user has one partition, and with one partition it is 0."""
    assert 0 <= keys.partition_of_user(user_id.encode("utf-8", "replace").decode(), count) < count
    assert keys.partition_of_user("u1") == 0


MADE = {
    "q:{p}:<name>": keys.queue(3, "<name>"),
    "qz:{p}:<name>": keys.queued(3, "<name>"),
    "sub:{p}:<id>": keys.submission(3, "<id>"),
    "meta:{p}": keys.meta(3),
    "lease:{p}": keys.leases(3),
    "fin:{p}": keys.finished(3),
    "usr:{p}:<user>": keys.user(3, "<user>"),
    "hist:{p}:<user>": keys.history(3, "<user>"),
    "dlq:{p}": keys.dead(3),
    "ev:{p}:<user>": keys.events(3, "<user>"),
    "evm:{p}:<user>": keys.event_head(3, "<user>"),
    "ctl:{p}": keys.control(3),
    "worker:<name>": keys.worker("<name>"),
    "workers": keys.WORKERS,
    "problems": keys.ADOPTION_LIST,
    "problems:rejected": keys.REJECTED_LIST,
    "problem_done": keys.DONE_CHANNEL,
}


@pytest.mark.parametrize("row", MADE)
def test_key_is_the_one_of_the_table(row: str) -> None:
    """Each function makes the name that the module's table gives."""
    assert MADE[row] == row.replace("{p}", "{3}")
    assert f"\n``{row}``" in (keys.__doc__ or "")


def test_every_key_function_is_in_the_table() -> None:
    """A new key can't stay out of the table that says what it holds."""
    of_partition = [
        function
        for _, function in inspect.getmembers(keys, inspect.isfunction)
        if next(iter(inspect.signature(function).parameters)) == "partition"
    ]
    made = {
        function(3, *("<name>",)[: function.__code__.co_argcount - 1]) for function in of_partition
    }
    assert made
    prefixes = {name.partition("{3}")[0] for name in MADE.values()}
    assert {name.partition("{3}")[0] for name in made} <= prefixes


def test_id_tells_when_it_was_made() -> None:
    """The time of an id is read back to the millisecond, whatever else is in it."""
    for unix_ms in (0, 1_795_376_372_959, 2**48 - 1):
        assert keys.created_ms(keys.make_submission_id(unix_ms, 2**70 - 1, 1023)) == unix_ms


def test_snapshot_has_a_key_of_its_own() -> None:
    """Each process's counts lie under its name."""
    assert keys.metrics("api-x-1") == "metrics:api-x-1"
