"""The only code that talks to Redis: submissions in, claims out, events to whoever listens."""

from daemons.broker.admission import Accepted
from daemons.broker.adoption import ForeignList, open_foreign_list
from daemons.broker.broker import Broker, QueueStatus, open_broker
from daemons.broker.claims import Claim, Claims, Lease, Step
from daemons.broker.cursors import Cursors, Proof
from daemons.broker.errors import (
    BrokerError,
    EventsInterrupted,
    ForeignListClosed,
    IdempotencyMismatch,
    QueueFull,
    StoreUnavailable,
    TooFast,
    TooManyOpen,
)
from daemons.broker.events import EventHub, Feed, open_event_hub
from daemons.broker.intake import Intake, Popped, open_intake
from daemons.broker.replay import Replay

__all__ = [
    "Accepted",
    "Broker",
    "BrokerError",
    "Claim",
    "Claims",
    "Cursors",
    "EventHub",
    "EventsInterrupted",
    "Feed",
    "ForeignList",
    "ForeignListClosed",
    "IdempotencyMismatch",
    "Intake",
    "Popped",
    "Lease",
    "Proof",
    "QueueFull",
    "QueueStatus",
    "Replay",
    "Step",
    "StoreUnavailable",
    "TooFast",
    "TooManyOpen",
    "open_broker",
    "open_event_hub",
    "open_foreign_list",
    "open_intake",
]
