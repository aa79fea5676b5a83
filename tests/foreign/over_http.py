"""Labelled submissions, sent by several users to a running system; verdicts as the gateway tells.

A submission of one file is sent as `code`, others as `files`, so that both ways are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import httpx2
import trio

from daemons.cli.verify import Case, Finding
from daemons.gateway.client import Events, open_events
from judging.languages import load_languages
from tests.system.conftest import System

USERS = 4
#: The longest that a submission may take: one of the limits is the time to compile on a busy host.
PATIENCE_S = 300.0
_ANSWER_S = 60.0


async def submit_all(system: System, cases: Sequence[Case], *, show: bool) -> list[Finding]:
    """Send in *cases*, each by whichever user is free, and return what came of each, in order."""
    findings: dict[int, Finding] = {}
    waiting = iter(enumerate(cases))
    gateway = f"ws://{system.listen('gateway')}/"
    api = f"http://{system.listen('api')}"
    # A connection for each request: a server may close an idle one just as the next is sent.
    anew = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=api, timeout=_ANSWER_S, limits=anew) as client:
        offered = await _wait_languages(client)
        async with trio.open_nursery() as nursery:
            for number in range(USERS):
                user = _User(f"user-{number}", client, offered, show)
                nursery.start_soon(user.submit_waiting, gateway, waiting, findings)
    return [findings[number] for number in range(len(cases))]


async def _wait_languages(client: httpx2.AsyncClient) -> set[str]:
    """Return the languages on offer once a worker has shown itself, which it does after its start."""
    with trio.fail_after(PATIENCE_S):
        while True:
            listed = (await client.get("/languages")).json()["languages"]
            if listed:
                return {each["id"] for each in listed}
            await trio.sleep(0.1)


class _User:
    """Somebody with one socket, who sends in one submission after the other."""

    def __init__(
        self, name: str, client: httpx2.AsyncClient, offered: set[str], show: bool
    ) -> None:
        self.name = name
        self._client = client
        self._offered = offered
        self._show = show

    async def submit_waiting(
        self, gateway: str, waiting: Iterator[tuple[int, Case]], findings: dict[int, Finding]
    ) -> None:
        """Take from *waiting* until there is no more, and put into *findings* what came of each."""
        async with open_events(gateway, self.name) as events:
            for number, case in waiting:
                finding = findings[number] = await self._submit(case, events)
                if self._show:
                    print(f"{number + 1} {finding.submission}: {finding.verdict or finding.note}")

    async def _submit(self, case: Case, events: Events) -> Finding:
        found = partial(
            Finding,
            submission=case.name,
            language=case.submission.language,
            expected=case.submission.expected,
            expected_score=case.submission.score,
            time_s=None,
        )
        language = case.submission.language
        if language is None:
            return found(verdict=None, note="in a language that we have not")
        if language not in self._offered:
            return found(verdict=None, note=f"no tools for {language} here")
        try:
            body = _body(case, language, self.name)
        except UnicodeDecodeError:
            return found(verdict=None, note="not UTF-8")
        answer = await self._client.post("/submissions", json=body)
        if answer.status_code != 202:
            return found(verdict=None, note=f"refused: {answer.text}")
        with trio.fail_after(PATIENCE_S):
            event = await _judged(events, answer.json()["id"])
        kept = (await self._client.get(answer.headers["Location"])).json()
        told = {key: event.get(key) for key in ("verdict", "score")}
        if told != {key: kept[key] for key in told}:
            return found(verdict=None, note=f"told {told}, but kept {kept}")
        return found(**told)


def _body(case: Case, language: str, user: str) -> dict[str, Any]:
    """Return the request that sends in the files of *case*.

    Raises:
        UnicodeDecodeError: a file is no text.
    """
    files = case.problem.sources_of(case.submission)
    body = {"problem_id": case.problem.id, "user_id": user, "language": language}
    if len(files) == 1:
        return {**body, "code": next(iter(files.values()))}
    is_source = load_languages()[language].is_source
    entry = case.submission.entry or next(name for name in files if is_source(name))
    listed = [{"name": name, "content": text} for name, text in files.items()]
    return {**body, "files": listed, "entry": entry}


async def _judged(events: Events, submission_id: str) -> dict[str, Any]:
    async for event in events:
        if event["submission_id"] == submission_id and event["type"] == "submission.judged":
            return event
    raise AssertionError("the gateway's events have no end")
