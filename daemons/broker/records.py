"""Between the store's hashes and the messages: how a submission is written down.

A hash shows everything in readable form (`HGETALL` it); structured fields hold JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from protocol import codec
from protocol.messages import (
    EarlierResult,
    Judgement,
    Request,
    Run,
    RunOutput,
    RunRequest,
    Status,
    Submission,
    SubmissionRequest,
    TestResult,
    Text,
    Verdict,
)

#: The fields that make up a `Submission`, in the order in which the `show` script is asked.
FIELDS = (
    "id",
    "problem_id",
    "user_id",
    "language",
    "status",
    "verdict",
    "score",
    "tests_passed",
    "tests_total",
    "time_s",
    "memory_bytes",
    "compile_output",
    "tests",
    "problem_version",
    "run",
    "attempt",
    "created_at",
    "started_at",
    "finished_at",
)


def read_submission(values: Sequence[Any]) -> Submission | None:
    """Make a `Submission` of what `show` answers to `FIELDS`; None for no record."""
    if values[0] is None:
        return None
    fields, position, *earlier = values[: len(FIELDS)], *values[len(FIELDS) :]
    text = {
        name: value.decode()
        for name, value in zip(FIELDS, fields, strict=True)
        if value is not None
    }
    submission = Submission(
        id=text["id"],
        problem_id=text["problem_id"] or None,
        user_id=text["user_id"],
        language=text["language"],
        **_result(text),
        compile_output=_json(text.get("compile_output"), Text),
        tests=_json(text.get("tests"), tuple[TestResult, ...]) or (),
        position=position,
        created_at=text["created_at"],
        finished_at=text.get("finished_at"),
        history=tuple(_read_earlier(pairs) for pairs in earlier if pairs),
    )
    if submission.problem_id is not None:
        return submission
    printed = _json(text.get("run"), RunOutput)
    more = {} if printed is None else msgspec.structs.asdict(printed)
    return Run(**msgspec.structs.asdict(submission), **more)


def read_request(payload: bytes, problem_id: bytes) -> Request:
    """Return what was submitted; what has no problem is a run.

    Raises:
        RemoteProtocolError: it is none that this version reads.
    """
    if problem_id:
        return codec.decode(payload, SubmissionRequest)
    return codec.decode(payload, RunRequest)


def _read_earlier(pairs: Sequence[bytes]) -> EarlierResult:
    text = {
        name.decode(): value.decode() for name, value in zip(pairs[::2], pairs[1::2], strict=True)
    }
    return EarlierResult(
        generation=int(text["generation"]), **_result(text), finished_at=text["finished_at"]
    )


def _result(text: dict[str, str]) -> dict[str, Any]:
    """Return what a submission and an earlier result of it have in common."""
    return {
        "status": Status(text["status"]),
        "verdict": Verdict(text["verdict"]) if "verdict" in text else None,
        "score": float(text["score"]) if "score" in text else None,
        "tests_passed": int(text.get("tests_passed", 0)),
        "tests_total": int(text.get("tests_total", 0)),
        "time_s": float(text["time_s"]) if "time_s" in text else None,
        "memory_bytes": int(text["memory_bytes"]) if "memory_bytes" in text else None,
        "problem_version": text.get("problem_version"),
        "attempt": int(text["attempt"]),
        "started_at": text.get("started_at"),
    }


def _json(text: str | None, type_: Any) -> Any:
    return None if text is None else codec.decode(text, type_)


def write_judgement(judgement: Judgement) -> list[str | bytes | int | float]:
    """Return the fields and values that record *judgement*, flat, without those that are None."""
    fields: dict[str, str | bytes | int | float | None] = {
        "verdict": judgement.verdict.value,
        "score": judgement.score,
        "tests_passed": judgement.tests_passed,
        "tests_total": judgement.tests_total,
        "time_s": judgement.time_s,
        "memory_bytes": judgement.memory_bytes,
        "tests": codec.encode(judgement.tests),
        "problem_version": judgement.problem_version,
    }
    if judgement.compile_output is not None:
        fields["compile_output"] = codec.encode(judgement.compile_output)
    if judgement.run is not None:
        fields["run"] = codec.encode(judgement.run)
    return [part for item in fields.items() if item[1] is not None for part in item]  # type: ignore[misc]
