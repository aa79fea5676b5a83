"""The API as one Quart application: its parts put together, its edges settled.

`create_app` needs an open broker and event hub and starts nothing; `daemons.api.main` serves it.
"""

from __future__ import annotations

import trio
from quart_trio import QuartTrio

from daemons.api.admission import Admission
from daemons.api.asgi import ApiApplication
from daemons.api.auth import Gate
from daemons.api.delivery import Delivery
from daemons.api.errors import ErrorAnswers
from daemons.api.events import SubmissionEvents
from daemons.api.health import Health
from daemons.api.metrics import Metrics
from daemons.api.problems import Problems
from daemons.api.reference import Reference
from daemons.api.routes import mount
from daemons.api.store import LiveWorkers
from daemons.api.submissions import Submissions
from daemons.api.waiting import Waiting
from daemons.broker import Broker, EventHub
from daemons.config import Config
from daemons.tokens import Tokens
from judging.languages import Languages
from judging.package import Catalogue


def create_app(
    config: Config,
    *,
    broker: Broker,
    hub: EventHub,
    catalogue: Catalogue,
    languages: Languages,
    tokens: Tokens | None,
    stopping: trio.Event,
) -> QuartTrio:
    """Return the application.

    Args:
        config: limits and time-outs.
        broker: the store, open; it may be away.
        hub: live events of the same store.
        catalogue: the problems that there are.
        languages: all languages that this version knows, offered or not.
        tokens: who may call; None for everyone.
        stopping: set when the process has to end: who waits for a verdict is answered then.
    """
    app = ApiApplication("gavel", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.limits.body_bytes
    app.config["BODY_TIMEOUT"] = config.api.body_timeout_s
    # An answer is held as long as `?wait=` says; only reading it is the client's business.
    app.config["RESPONSE_TIMEOUT"] = None
    # A doubled slash inside a path is 404, not a redirect that drops the body.
    app.url_map.merge_slashes = False
    Delivery(app, config.api.cors_origins, stopping)
    ErrorAnswers(app)

    gate = Gate(tokens, config.auth.public)
    workers = LiveWorkers(broker)
    admission = Admission(catalogue, languages, workers, config.limits)
    waiting = Waiting(broker, hub, stopping)
    routes = [
        *Submissions(broker, admission, waiting, gate, workers, config.limits).routes(),
        *SubmissionEvents(broker, hub, gate, stopping).routes(),
        *Problems(catalogue, workers).routes(),
        *Health(broker, workers, catalogue).routes(),
        *Metrics(broker, workers, gate).routes(),
    ]
    reference = Reference(routes, gate.guards)
    mount(app, gate, [*routes, *reference.routes()])
    return app
