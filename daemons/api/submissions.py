"""The routes of submissions: send one in, look at it, list, cancel and rejudge."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
import trio
from quart import Quart, Response, request

from daemons.api.admission import TUTORIAL_NAMES, Admission
from daemons.api.answers import answer, route
from daemons.api.body import read_json
from daemons.api.errors import Refusal, invalid, not_found
from daemons.api.query import read_query
from daemons.api.store import WRITE_S, patience
from daemons.api.waiting import Waiting
from daemons.broker import Accepted, Broker
from daemons.config import Limits
from daemons.crashpoints import reach
from protocol.lifecycle import FINAL
from protocol.messages import (
    PromisedSubmission,
    Status,
    Submission,
    SubmissionRequest,
    TutorialRequest,
    UserId,
)

#: Long enough for a UUID with a prefix, short enough to be part of a key in the store.
_MAX_KEY_CHARS = 255

T = TypeVar("T")
#: As a list returned it: creation in ms, and the id. Nothing else reaches the store.
Cursor = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,15}-[0-9A-Z]{26}$(?!\n)")]


class _SubmitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wait: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class _ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UserId
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Cursor | None = None


class Submissions:
    """Handlers of `/submissions` and of the tutorial's `/submit`."""

    def __init__(
        self, broker: Broker, admission: Admission, waiting: Waiting, limits: Limits
    ) -> None:
        self._broker = broker
        self._admission = admission
        self._waiting = waiting
        self._limits = limits

    def mount(self, app: Quart) -> None:
        """Add the routes to *app*."""
        one = "/submissions/<submission_id>"
        route(app, "POST", "/submissions", self.create)
        route(app, "GET", "/submissions", self.list_of_user)
        route(app, "GET", one, self.show)
        route(app, "DELETE", one, self.cancel)
        route(app, "POST", f"{one}/rejudge", self.rejudge)
        route(app, "POST", "/submit", self.create_by_tutorial)

    async def create(self) -> Response:
        """Take a submission in; with `?wait=`, answer when it is judged."""
        wait_s = self._wait_s()
        key = _idempotency_key()
        wanted = await read_json(SubmissionRequest)
        await self._admission.check(wanted)
        if not wait_s:
            return self._promise((await self._store(wanted, key)).submission)
        async with self._waiting.subscribe(wanted.user_id) as feed:
            accepted = await self._store(wanted, key)
            submission = await self._waiting.until_done(feed, accepted.submission, wait_s)
        if submission.status in FINAL:
            return answer(submission, headers={"Location": _location(submission)})
        return self._promise(submission)

    async def create_by_tutorial(self) -> Response:
        """Take a submission in by the short form that tutorials teach."""
        wanted = (await read_json(TutorialRequest)).full()
        await self._admission.check(wanted, TUTORIAL_NAMES)
        accepted = await self._store(wanted, None)
        return Response(
            "Submission received and stored.",
            content_type="text/plain; charset=utf-8",
            headers={"Location": _location(accepted.submission)},
        )

    async def show(self, submission_id: str) -> Response:
        """Answer with one submission."""
        with patience():
            submission = await self._broker.get(submission_id)
        return answer(_found(submission, submission_id))

    async def list_of_user(self) -> Response:
        """Answer with one page of a user's submissions, the newest first."""
        query = read_query(_ListQuery)
        with patience():
            page, next_cursor = await self._broker.history(query.user_id, query.limit, query.cursor)
        return answer({"submissions": page, "next_cursor": next_cursor})

    async def cancel(self, submission_id: str) -> Response:
        """Cancel a submission at any stage before it is done."""
        with patience(WRITE_S, shield=True):
            outcome = await self._broker.cancel(submission_id)
        submission, cancelled = _found(outcome, submission_id)
        # To cancel twice is no mistake: the second time finds what it wanted.
        if not cancelled and submission.status is not Status.CANCELLED:
            raise _conflict(f"it is {submission.status} already, so there is nothing to cancel")
        return answer(submission)

    async def rejudge(self, submission_id: str) -> Response:
        """Queue a submission that is done once more; its earlier result is kept."""
        with patience(WRITE_S, shield=True):
            outcome = await self._broker.rejudge(submission_id)
        submission, queued = _found(outcome, submission_id)
        if not queued:
            raise _conflict(f"it is still {submission.status}; wait for its verdict, or cancel it")
        return self._promise(submission)

    def _promise(self, submission: Submission) -> Response:
        """Answer 202: it is in the store and will be judged, whichever process dies next."""
        promised = PromisedSubmission(
            **msgspec.structs.asdict(submission), durability=self._broker.durability
        )
        return answer(promised, 202, headers={"Location": _location(submission)})

    async def _store(self, wanted: SubmissionRequest, key: str | None) -> Accepted:
        """Write the submission; a client that goes away now does not stop it half-way."""
        await trio.lowlevel.checkpoint()  # gone before: nothing is written
        with patience(WRITE_S, shield=True):
            reach("api.before_submit")
            accepted = await self._broker.submit(wanted, idempotency_key=key)
            reach("api.after_submit")
            return accepted

    def _wait_s(self) -> float:
        wait_s = read_query(_SubmitQuery).wait
        if wait_s > self._limits.wait_s:
            raise invalid("wait", f"at most {self._limits.wait_s:g} s")
        return wait_s


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None or (0 < len(key) <= _MAX_KEY_CHARS and key.isascii() and key.isprintable()):
        return key
    raise invalid("Idempotency-Key", f"1 to {_MAX_KEY_CHARS} printable ASCII characters")


def _found(outcome: T | None, submission_id: str) -> T:
    if outcome is None:
        raise not_found(f"there is no submission {submission_id[:64]!r}")
    return outcome


def _conflict(detail: str) -> Refusal:
    return Refusal(409, "conflict", detail)


def _location(submission: Submission) -> str:
    return f"/submissions/{submission.id}"
