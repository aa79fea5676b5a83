"""Names of the Redis keys and channels, and what each holds.

Every key of a partition carries the tag ``{p}``, so that a script's keys share one cluster slot. A
user's keys and all his submissions lie in the partition of his id; a submission id ends in its
partition, so no look-up is ever needed. With one partition, the default, all tags are ``{0}``.

============================ ====== ==========================================================
``q:{p}:<name>``             list   hints ``seq|id``; LPUSH in, BRPOP out
``qz:{p}:<name>``            zset   id -> seq of every queued submission: the truth of the queue
``sub:{p}:<id>``             hash   the submission: request, state, result
``result:{p}:<id>:<gen>``    hash   an earlier judgement of a rejudged submission
``lease:{p}``                zset   id being judged -> number of its worker's last sign of life
``meta:{p}``                 hash   ``qseq``, ``beat``: the newest hint's and lease's number
``idem:{p}:<user>:<key>``    hash   an Idempotency-Key: submission ``id``, body hash ``bh``; TTL
``usr:{p}:<user>``           hash   ``open``: submissions that are not done
``rate:{p}:user:<user>``     string when this user's bucket of submissions is full again, ms; TTL
``rate:{p}:addr:<address>``  string the same of an address
``hist:{p}:<user>``          zset   id -> creation, ms: the user's submissions
``fin:{p}``                  zset   id -> ms: finished submissions, for the janitor
``dlq:{p}``                  zset   id -> ms: given up after three crashes of the judge
``ev:{p}:<user>``            stream the user's last events; also the name of his channel
``evm:{p}:<user>``           hash   ``last``: id of his newest event
``cur:{p}:<user>``           hash   socket -> ``id|ms``: the last event proved to be read; TTL
``ctl:{p}``                  channel ``id|token`` of each running submission that is cancelled
``worker:<name>``            string what a living worker says of itself; TTL
``workers``                  zset   worker name -> ms of its last sign of life
``metrics:<process>``        string what a living process has counted; TTL
``metrics``                  zset   process name -> ms of its last snapshot
``problems``                 list   the tutorial's door: bare JSON submissions of foreign producers
``problems:rejected``        list   entries of ``problems`` that could not be read, with the reason
``problem_done``             channel every verdict in the tutorial's form
============================ ====== ==========================================================
"""

from __future__ import annotations

from binascii import crc_hqx

from protocol.errors import LocalProtocolError

ADOPTION_LIST = "problems"
REJECTED_LIST = "problems:rejected"
DONE_CHANNEL = "problem_done"
WORKERS = "workers"
METRICS = "metrics"

#: Queues in falling strictness; the feed rotates their order by weight so that none starves.
QUEUES = ("high", "normal", "low", "suspect")

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: A submission id spends its last two characters (10 bits) on the partition.
MAX_PARTITIONS = 1024


def partition_of_user(user_id: str, partitions: int = 1) -> int:
    """Return the partition that holds everything of *user_id*: CRC16 as in Redis Cluster."""
    return crc_hqx(user_id.encode(), 0) % partitions


def make_submission_id(unix_ms: int, entropy: int, partition: int) -> str:
    """Return a ULID: 48 bits of time, 70 of *entropy*, 10 of *partition*; ids sort by time.

    Raises:
        LocalProtocolError: the time or the partition does not fit its bits.
    """
    if not (0 <= unix_ms < 1 << 48 and 0 <= partition < MAX_PARTITIONS):
        raise LocalProtocolError(f"no id has room for {unix_ms} ms, partition {partition}")
    number = (unix_ms << 80) | ((entropy & (1 << 70) - 1) << 10) | partition
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def partition_of_submission(submission_id: str) -> int | None:
    """Return the partition named by the id's end, or None if it is no submission id at all."""
    if len(submission_id) != 26 or any(char not in _CROCKFORD for char in submission_id):
        return None
    return _CROCKFORD.index(submission_id[-2]) * 32 + _CROCKFORD.index(submission_id[-1])


def created_ms(submission_id: str) -> int:
    """Return the time, in ms since 1970, at which the id was made."""
    number = 0
    for char in submission_id[:10]:
        number = number * 32 + _CROCKFORD.index(char)
    return number


def queue(partition: int, name: str) -> str:
    """Return the list of hints of queue *name*."""
    return f"q:{{{partition}}}:{name}"


def queued(partition: int, name: str) -> str:
    """Return the index of ids queued in *name*."""
    return f"qz:{{{partition}}}:{name}"


def submission(partition: int, submission_id: str) -> str:
    """Return the hash of one submission."""
    return f"sub:{{{partition}}}:{submission_id}"


def meta(partition: int) -> str:
    """Return the hash of the partition's own counters; scripts are called on it."""
    return f"meta:{{{partition}}}"


def leases(partition: int) -> str:
    """Return the index of ids being judged."""
    return f"lease:{{{partition}}}"


def dead(partition: int) -> str:
    """Return the index of ids that were given up."""
    return f"dlq:{{{partition}}}"


def finished(partition: int) -> str:
    """Return the index of finished submissions, for the janitor and for rates."""
    return f"fin:{{{partition}}}"


def user(partition: int, user_id: str) -> str:
    """Return the hash of one user's counters."""
    return f"usr:{{{partition}}}:{user_id}"


def history(partition: int, user_id: str) -> str:
    """Return the index of one user's submissions."""
    return f"hist:{{{partition}}}:{user_id}"


def events(partition: int, user_id: str) -> str:
    """Return the stream of one user's events, which is also the name of his channel."""
    return f"ev:{{{partition}}}:{user_id}"


def event_head(partition: int, user_id: str) -> str:
    """Return the hash with the id of the user's newest event."""
    return f"evm:{{{partition}}}:{user_id}"


def control(partition: int) -> str:
    """Return the channel on which workers hear of cancelled runs."""
    return f"ctl:{{{partition}}}"


def worker(name: str) -> str:
    """Return the key under which one worker shows that it lives."""
    return f"worker:{name}"


def metrics(process: str) -> str:
    """Return the key of what one process has counted."""
    return f"metrics:{process}"
