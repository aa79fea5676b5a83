"""The nouns of the system as frozen structs: submission, verdict, test result, event.

Their field names are the outside interface (HTTP bodies, WebSocket frames, Redis hashes) and are
fixed. Times are float seconds (`_s`), sizes int bytes (`_bytes`), timestamps RFC 3339 UTC with
microseconds.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from protocol.forms import ARGUMENT, USER_ID, FileName, Slug, UserId


class Status(StrEnum):
    """Where a submission stands; `protocol.lifecycle` says how it gets from one to the next."""

    QUEUED = "queued"
    COMPILING = "compiling"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """How a judged submission, or one test of it, ended."""

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    TIME_LIMIT_EXCEEDED = "time_limit_exceeded"
    IDLE_LIMIT_EXCEEDED = "idle_limit_exceeded"
    MEMORY_LIMIT_EXCEEDED = "memory_limit_exceeded"
    OUTPUT_LIMIT_EXCEEDED = "output_limit_exceeded"
    RUNTIME_ERROR = "runtime_error"
    COMPILE_ERROR = "compile_error"
    INTERNAL_ERROR = "internal_error"


class Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Output that is not UTF-8: never dropped, sent as base64 instead of a string."""

    base64: str


Text = str | Binary


class SourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a submission that has several."""

    name: FileName
    content: str


class SubmissionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `POST /submissions` takes: one program for one problem.

    Either `code`, or `files` with the name of one of them as `entry`.
    """

    problem_id: Slug
    user_id: UserId
    language: Slug
    code: str | None = None
    files: tuple[SourceFile, ...] = ()
    entry: FileName | None = None
    priority: Literal["normal", "low"] = "normal"

    def __post_init__(self) -> None:
        """Refuse a request that has no program, two, or one without a beginning."""
        _check_program(self.code, self.files, self.entry)


def _check_program(code: str | None, files: tuple[SourceFile, ...], entry: str | None) -> None:
    names = [file.name for file in files]
    if (code is None) == (not files):
        raise ValueError("`code` or `files`: give exactly one of the two")
    if code is not None and not code.strip():
        raise ValueError("`code` is empty")
    if len(set(names)) != len(names):
        raise ValueError("`files` has a name twice")
    if files and entry not in names:
        raise ValueError("`entry` must be the name of one of `files`")
    if code is not None and entry is not None:
        raise ValueError("`entry` goes with `files` only")


class RunLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run may use; what is left out is the configured maximum, which nothing exceeds."""

    time_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    wall_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    memory_bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    output_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    processes: Annotated[int, msgspec.Meta(ge=1)] | None = None


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `POST /runs` takes: one program for the caller's own `stdin`, and no problem.

    Either `code`, or `files` with the name of one of them as `entry`; `args` are its arguments.
    """

    user_id: UserId
    language: Slug
    code: str | None = None
    files: tuple[SourceFile, ...] = ()
    entry: FileName | None = None
    stdin: str = ""
    args: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=ARGUMENT)], ...], msgspec.Meta(max_length=64)
    ] = ()
    limits: RunLimits = RunLimits()

    def __post_init__(self) -> None:
        """Refuse a request that has no program, two, or one without a beginning."""
        _check_program(self.code, self.files, self.entry)

    # What a submission says in fields; of a run it is always the same.

    @property
    def problem_id(self) -> None:
        """A run has no problem."""
        return

    @property
    def priority(self) -> Literal["normal"]:
        """Runs wait in turn with the submissions."""
        return "normal"


#: What waits in the queue.
Request = SubmissionRequest | RunRequest


class TutorialRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The short form that tutorials teach: `POST /submit`, and a bare `LPUSH problems`.

    Unlike the full form it passes over unknown fields, since foreign producers add their own.
    """

    problem_id: Slug
    code: str
    language: Slug
    user_id: UserId = "anonymous"

    def __post_init__(self) -> None:
        """Refuse a program of nothing but white space."""
        if not self.code.strip():
            raise ValueError("`code` is empty")

    def full(self) -> SubmissionRequest:
        """Return the same request in the full form."""
        return SubmissionRequest(
            problem_id=self.problem_id,
            user_id=self.user_id,
            language=self.language,
            code=self.code,
        )


class TutorialForm(TutorialRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The short form as `POST /submit` takes it: a mistyped `userId` must not mean `anonymous`."""


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one test of a submission ended, with what the run used."""

    # pytest must not take it for a test class.
    __test__ = False

    name: str
    verdict: Verdict
    time_s: float
    wall_s: float
    memory_bytes: int
    exit_code: int | None = None
    signal: int | None = None
    feedback: Text | None = None
    #: Its time was within a tenth of the limit; if it was above, it was run again, alone.
    near_limit: bool = False


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The result of judging one submission: everything that is known once it is done."""

    verdict: Verdict
    score: float | None = None
    tests_passed: int = 0
    tests_total: int = 0
    time_s: float | None = None
    memory_bytes: int | None = None
    compile_output: Text | None = None
    tests: tuple[TestResult, ...] = ()
    #: Which version of the problem it was judged by; none of runs.
    problem_version: str | None = None
    #: How the program itself ended: of runs alone.
    run: RunOutput | None = None


class RunOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What a run printed, and how its program ended."""

    stdout: Text
    stderr: Text
    exit_code: int | None
    signal: int | None


class EarlierResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a submission had come to before it was rejudged; `generation` counts from 1."""

    generation: int
    status: Status
    verdict: Verdict | None = None
    score: float | None = None
    tests_passed: int = 0
    tests_total: int = 0
    time_s: float | None = None
    memory_bytes: int | None = None
    problem_version: str | None = None
    attempt: int
    started_at: str | None = None
    finished_at: str


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A submission as the API shows it at one moment.

    `position` and `wait_s` tell of one that is queued: its place, and about how long until its
    turn; null where nobody can tell. `problem_id` is null for a run.
    `history` has what earlier judgings came to, the oldest first: the last 20 at most.
    `problem_version` is that of the package it was judged by.
    """

    id: str
    problem_id: str | None
    user_id: str
    language: str
    status: Status
    verdict: Verdict | None = None
    score: float | None = None
    tests_passed: int = 0
    tests_total: int = 0
    time_s: float | None = None
    memory_bytes: int | None = None
    compile_output: Text | None = None
    tests: tuple[TestResult, ...] = ()
    problem_version: str | None = None
    attempt: int = 0
    position: int | None = None
    wait_s: float | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    history: tuple[EarlierResult, ...] = ()


class Run(Submission, frozen=True, kw_only=True):
    """A run as the API shows it: a submission, and what its program printed once it has ended."""

    stdout: Text | None = None
    stderr: Text | None = None
    exit_code: int | None = None
    signal: int | None = None


class PromisedSubmission(Submission, frozen=True, kw_only=True):
    """What a 202 answers: the submission, and what the promise to judge it survives."""

    durability: str


class PromisedRun(Run, frozen=True, kw_only=True):
    """What a 202 answers to a run."""

    durability: str


class EventType(StrEnum):
    """The steps of a submission that its user is told of."""

    QUEUED = "submission.queued"
    STARTED = "submission.started"
    COMPILED = "submission.compiled"
    TEST = "submission.test"
    JUDGED = "submission.judged"
    CANCELLED = "submission.cancelled"
    REQUEUED = "submission.requeued"

    @property
    def final(self) -> bool:
        """Whether nothing more comes for this submission unless somebody rejudges it."""
        return self in (EventType.JUDGED, EventType.CANCELLED)


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """What `submission.compiled` adds to the event's head."""

    time_s: float
    tests_total: int


class TestDone(msgspec.Struct, frozen=True, kw_only=True):
    """What `submission.test` adds: the test number `index` of `total`, counted from 1."""

    __test__ = False

    index: int
    total: int
    name: str
    verdict: Verdict
    time_s: float
    memory_bytes: int


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What `submission.judged` adds: the result without its tests, which were told one by one."""

    verdict: Verdict
    score: float | None
    tests_passed: int
    tests_total: int
    time_s: float | None
    memory_bytes: int | None
    compile_output: Text | None
    attempt: int


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The head that every event has; `raw` bytes are passed on as they are, so nothing is lost.

    `id` rises strictly per user and is never used twice; `prev` is the id of the user's event
    before it (0 for the first), so a gap shows.
    """

    type: str
    id: int
    prev: int
    user_id: str
    submission_id: str
    problem_id: str | None
    at: str


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a living worker says of itself, and the API tells of it."""

    name: str
    slots: int
    """How many can take submissions."""
    busy: int
    grade: str
    closed: tuple[str, ...] = ()
    """A line for each slot that takes none, because an attack got through in it."""
    judging_s: float | None = None
    """How long a submission took of late from its claim to its verdict, on average."""
    languages: tuple[LanguageInfo, ...] = ()


class LanguageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One language that a living worker offers."""

    id: str
    name: str
    version: str
    extensions: tuple[str, ...]


def is_user_id(text: str) -> bool:
    """Tell whether *text* may be used as a user id."""
    return re.search(USER_ID, text) is not None
