"""What can go wrong between a daemon and the store, by what the caller should do about it."""

from __future__ import annotations


class BrokerError(Exception):
    """The root of everything that `daemons.broker` raises on purpose."""


class StoreUnavailable(BrokerError):
    """The store is away, cut off, loading, read-only or full: nothing is wrong with the request.

    Whether a command that failed so took effect is not known; every script may be repeated.
    """


class QueueFull(BrokerError):
    """The queue holds as many submissions as it may: try again later."""


class TooManyOpen(BrokerError):
    """This user has as many unfinished submissions as one user may."""


class TooFast(BrokerError):
    """This user, or this address, submits too fast; `retry_s` from now is soon enough."""

    def __init__(self, message: str, retry_s: float) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class IdempotencyMismatch(BrokerError):
    """The Idempotency-Key was used before, with another body."""


class ForeignListClosed(BrokerError):
    """The foreign producers' key, or that of the rejected entries, is no list, by mistake."""


class EventsInterrupted(BrokerError):
    """Events may have been missed; the subscription is live again, so replay and read on."""
