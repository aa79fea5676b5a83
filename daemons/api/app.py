"""The API as one Quart application: its parts put together, its edges settled.

`create_app` needs an open broker and event hub and starts nothing; `daemons.api.main` serves it.
"""

from __future__ import annotations

import importlib.metadata

import trio
from quart import Quart, Response
from quart_trio import QuartTrio

from daemons.api.admission import Admission
from daemons.api.answers import RequestIds, answer, route
from daemons.api.asgi import ApiApplication
from daemons.api.errors import ErrorAnswers
from daemons.api.health import Health
from daemons.api.problems import Problems
from daemons.api.store import LiveWorkers
from daemons.api.submissions import Submissions
from daemons.api.waiting import Waiting
from daemons.broker import Broker, EventHub
from daemons.config import Config
from judging.languages import Languages
from judging.package import Catalogue

_INDEX = {
    "name": "Gavel",
    "version": importlib.metadata.version("gavel-judge"),
    "routes": {
        "POST /submissions": "submit; ?wait=SECONDS holds the answer until judged",
        "GET /submissions?user_id=U": "a user's submissions, newest first",
        "GET /submissions/ID": "one submission",
        "DELETE /submissions/ID": "cancel it",
        "POST /submissions/ID/rejudge": "judge it again",
        "POST /submit": "submit by the tutorial's form",
        "GET /problems": "all problems",
        "GET /problems/ID": "one problem with statement, samples and starter code",
        "GET /languages": "what can be submitted right now",
        "GET /healthz": "is this process alive",
        "GET /readyz": "would a submission be judged now",
    },
}


class Index:
    """Handler of `/`."""

    def mount(self, app: Quart) -> None:
        """Add the route to *app*."""
        route(app, "GET", "/", self.show)

    async def show(self) -> Response:
        """Answer with a list of what there is."""
        return answer(_INDEX)


def create_app(
    config: Config,
    *,
    broker: Broker,
    hub: EventHub,
    catalogue: Catalogue,
    languages: Languages,
    stopping: trio.Event,
) -> QuartTrio:
    """Return the application.

    Args:
        config: limits and time-outs.
        broker: the store, open; it may be away.
        hub: live events of the same store.
        catalogue: the problems that there are.
        languages: all languages that this version knows, offered or not.
        stopping: set when the process has to end: who waits for a verdict is answered then.
    """
    app = ApiApplication("gavel", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.limits.body_bytes
    app.config["BODY_TIMEOUT"] = config.api.body_timeout_s
    # An answer is held as long as `?wait=` says; only reading it is the client's business.
    app.config["RESPONSE_TIMEOUT"] = None
    # A doubled slash inside a path is 404, not a redirect that drops the body.
    app.url_map.merge_slashes = False
    RequestIds(app)
    ErrorAnswers(app)

    workers = LiveWorkers(broker)
    admission = Admission(catalogue, languages, workers, config.limits)
    waiting = Waiting(broker, hub, stopping)
    Index().mount(app)
    Submissions(broker, admission, waiting, config.limits).mount(app)
    Problems(catalogue, workers).mount(app)
    Health(broker, workers, catalogue).mount(app)
    return app
