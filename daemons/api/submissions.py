"""The routes of submissions and runs: send one in, look at it, list, cancel and rejudge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
import structlog
import trio
from quart import Response, g, request

from daemons.api.admission import TUTORIAL_NAMES, Admission
from daemons.api.answers import answer
from daemons.api.auth import Gate
from daemons.api.documents import Either, PromisedEither, SubmissionList
from daemons.api.errors import Refusal, invalid, not_found
from daemons.api.routes import Answer, Route
from daemons.api.store import WRITE_S, LiveWorkers, patience
from daemons.api.waiting import Waiting
from daemons.broker import Accepted, Broker
from daemons.config import Limits
from daemons.crashpoints import reach
from daemons.tokens import Scope
from protocol.forms import Cursor, IdempotencyKey, UserId
from protocol.lifecycle import FINAL
from protocol.messages import (
    PromisedRun,
    PromisedSubmission,
    Request,
    Run,
    RunRequest,
    Status,
    Submission,
    SubmissionRequest,
    TutorialForm,
)

log = structlog.get_logger()

_LOCATION = {"Location": "Where it can be looked at."}
_PROMISED = Answer(
    description="It is in the store and will be judged, whichever process dies next.",
    type=PromisedEither,
    headers=_LOCATION,
)
_DONE = Answer(description="`wait` was given, and it is done.", type=Either, headers=_LOCATION)
_SHOWN = Answer(description="The submission or run.", type=Either)
_TAKEN_IN = (400, 408, 409, 413, 415, 422, 429, 503)


class SubmitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`wait`: hold the answer until it is done, at most so many seconds."""

    wait: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class SubmitHeaders(msgspec.Struct, frozen=True):
    """Same key and same body of the same user, within 24 h: the same submission."""

    idempotency_key: IdempotencyKey | None = msgspec.field(name="Idempotency-Key", default=None)


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose, how many, and where the last page ended."""

    user_id: UserId
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Cursor | None = None


class Submissions:
    """Handlers of `/submissions`, `/runs` and of the tutorial's `/submit`."""

    def __init__(
        self,
        broker: Broker,
        admission: Admission,
        waiting: Waiting,
        gate: Gate,
        workers: LiveWorkers,
        limits: Limits,
    ) -> None:
        self._broker = broker
        self._admission = admission
        self._waiting = waiting
        self._gate = gate
        self._workers = workers
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = "/submissions/<submission_id>"
        received = Answer(description="It is stored.", media="text/plain", headers=_LOCATION)
        page = Answer(description="One page, the newest first.", type=SubmissionList)
        return [
            Route(method="POST", path="/submissions", handler=self.create, scope=Scope.SUBMIT,
                  summary="Submit a program to a problem.",
                  query=SubmitQuery, headers=SubmitHeaders, body=SubmissionRequest,
                  answers={200: _DONE, 202: _PROMISED}, errors=_TAKEN_IN),
            Route(method="POST", path="/runs", handler=self.run, scope=Scope.SUBMIT,
                  summary="Run a program on input of your own; no problem, no tests.",
                  query=SubmitQuery, headers=SubmitHeaders, body=RunRequest,
                  answers={200: _DONE, 202: _PROMISED}, errors=_TAKEN_IN),
            Route(method="POST", path="/submit", handler=self.create_by_tutorial,
                  scope=Scope.SUBMIT, summary="Submit by the short form of tutorials.",
                  body=TutorialForm, answers={200: received}, errors=_TAKEN_IN),
            Route(method="GET", path="/submissions", handler=self.list_of_user, scope=Scope.READ,
                  summary="A user's submissions and runs, newest first.",
                  query=ListQuery, answers={200: page}, errors=(422, 503)),
            Route(method="GET", path=one, handler=self.show, scope=Scope.READ,
                  summary="One submission or run.", answers={200: _SHOWN}, errors=(404, 503)),
            Route(method="DELETE", path=one, handler=self.cancel, scope=Scope.SUBMIT,
                  summary="Cancel it, at any stage.",
                  answers={200: _SHOWN}, errors=(404, 409, 503)),
            Route(method="POST", path=f"{one}/rejudge", handler=self.rejudge, scope=Scope.ADMIN,
                  summary="Judge it once more; the result so far is kept.",
                  answers={202: _PROMISED}, errors=(404, 409, 503)),
        ]  # fmt: skip

    async def create(
        self, query: SubmitQuery, headers: SubmitHeaders, body: SubmissionRequest
    ) -> Response:
        """Take a submission in; with `?wait=`, answer when it is judged."""
        self._check_wait(query)
        await self._check(body)
        return await self._take_in(body, headers.idempotency_key, query.wait)

    async def run(self, query: SubmitQuery, headers: SubmitHeaders, body: RunRequest) -> Response:
        """Take a run in; with `?wait=`, answer when it has ended."""
        self._check_wait(query)
        self._gate.check_user(Scope.SUBMIT, body.user_id)
        await self._admission.check_run(body)
        return await self._take_in(body, headers.idempotency_key, query.wait)

    async def create_by_tutorial(self, body: TutorialForm) -> Response:
        """Take a submission in by the short form that tutorials teach."""
        wanted = body.full()
        await self._check(wanted, TUTORIAL_NAMES)
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
        found = self._visible(submission, submission_id, Scope.READ)
        return answer(await self._workers.estimate(found))

    async def list_of_user(self, query: ListQuery) -> Response:
        """Answer with one page of a user's submissions, the newest first."""
        self._gate.check_user(Scope.READ, query.user_id)
        with patience():
            page, next_cursor = await self._broker.history(query.user_id, query.limit, query.cursor)
        return answer(SubmissionList(submissions=tuple(page), next_cursor=next_cursor))

    async def cancel(self, submission_id: str) -> Response:
        """Cancel a submission at any stage before it is done."""
        await self._check_owner(submission_id, Scope.SUBMIT)
        with patience(WRITE_S, shield=True):
            outcome = await self._broker.cancel(submission_id)
        if outcome is None:
            raise _no_such(submission_id)
        submission, cancelled = outcome
        # To cancel twice is no mistake: the second time finds what it wanted.
        if not cancelled and submission.status is not Status.CANCELLED:
            raise _conflict(f"it is {submission.status} already, so there is nothing to cancel")
        log.info("cancelled", submission=submission_id)
        return answer(submission)

    async def rejudge(self, submission_id: str) -> Response:
        """Queue a submission that is done once more; its earlier result is kept."""
        with patience(WRITE_S, shield=True):
            outcome = await self._broker.rejudge(submission_id, request_id=g.request_id)
        if outcome is None:
            raise _no_such(submission_id)
        submission, queued = outcome
        if not queued:
            raise _conflict(f"it is still {submission.status}; wait for its verdict, or cancel it")
        log.info("queued again", submission=submission_id)
        return await self._promise(submission)

    async def _check(
        self, wanted: SubmissionRequest, names: Mapping[str, str] | None = None
    ) -> None:
        self._gate.check_user(Scope.SUBMIT, wanted.user_id)
        await self._admission.check(wanted, names)

    async def _take_in(self, wanted: Request, key: str | None, wait_s: float) -> Response:
        if not wait_s:
            return await self._promise((await self._store(wanted, key)).submission)
        async with self._waiting.subscribe(wanted.user_id) as feed:
            accepted = await self._store(wanted, key)
            submission = await self._waiting.until_done(feed, accepted.submission, wait_s)
        if submission.status in FINAL:
            return answer(submission, headers={"Location": _location(submission)})
        return await self._promise(submission)

    async def _promise(self, submission: Submission) -> Response:
        """Answer 202: it is in the store and will be judged, whichever process dies next."""
        estimated = await self._workers.estimate(submission)
        kind = PromisedRun if isinstance(submission, Run) else PromisedSubmission
        promised = kind(**msgspec.structs.asdict(estimated), durability=self._broker.durability)
        return answer(promised, 202, headers={"Location": _location(submission)})

    async def _store(self, wanted: Request, key: str | None) -> Accepted:
        """Write the submission; a client that goes away now does not stop it half-way."""
        await trio.lowlevel.checkpoint()  # gone before: nothing is written
        with patience(WRITE_S, shield=True):
            reach("api.before_submit")
            accepted = await self._broker.submit(
                wanted,
                idempotency_key=key,
                address=request.remote_addr or "",
                request_id=g.request_id,
            )
            reach("api.after_submit")
        if accepted.created:
            log.info("submitted", submission=accepted.submission.id, user=wanted.user_id)
        return accepted

    async def _check_owner(self, submission_id: str, scope: Scope) -> None:
        """Return if the caller may do *scope* to the submission; ask nobody if all may."""
        if not self._gate.narrow:
            return
        with patience():
            submission = await self._broker.get(submission_id)
        self._visible(submission, submission_id, scope)

    def _visible(self, found: Submission | None, submission_id: str, scope: Scope) -> Submission:
        """Return *found*; another user's is not there."""
        if found is None or not self._gate.owns(scope, found.user_id):
            raise _no_such(submission_id)
        return found

    def _check_wait(self, query: SubmitQuery) -> None:
        # Not a bound of the type: it is configured, and `inf` would pass a bound from below.
        if query.wait > self._limits.wait_s:
            raise invalid("wait", f"`wait` must be at most {self._limits.wait_s:g}")


def _no_such(submission_id: str) -> Refusal:
    return not_found(f"there is no submission {submission_id[:64]!r}")


def _conflict(detail: str) -> Refusal:
    return Refusal(409, "conflict", detail)


def _location(submission: Submission) -> str:
    return f"/submissions/{submission.id}"
