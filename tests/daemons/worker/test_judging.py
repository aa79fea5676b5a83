"""A worker judges: verdicts of real programs, events in order, foreign entries, unknown problems."""

from __future__ import annotations

import base64
import json
import shutil
from functools import partial
from typing import Any

import pytest

from judging.package import load_problems
from protocol import keys
from protocol.messages import Status, Verdict
from tests.daemons.worker.conftest import HELD, ROOT, Site, echo_after, eventually


def check_story(events: list[dict[str, Any]], submission: Any) -> None:
    """Check that *events* tell the submission's judging in order and agree with its result."""
    kinds = [event["type"].removeprefix("submission.") for event in events]
    refused = submission.verdict is Verdict.COMPILE_ERROR
    # What Python code does not parse, its first run tells.
    compiled = not refused or submission.language == "python"
    tests = [event for event in events if event["type"] == "submission.test"]
    middle = ["compiled", *["test"] * len(tests)] if compiled else []
    assert kinds == ["queued", "started", *middle, "judged"]
    assert [event["index"] for event in tests] == list(range(1, len(tests) + 1))
    assert {event["total"] for event in tests} <= {submission.tests_total}
    assert [(e["name"], e["verdict"]) for e in tests] == [
        (test.name, test.verdict) for test in submission.tests
    ]
    assert all(event["verdict"] == "accepted" for event in tests[:-1])
    final = events[-1]
    assert final["verdict"] == submission.verdict
    assert not tests or tests[-1]["verdict"] == submission.verdict
    assert (final["tests_passed"], final["tests_total"]) == (
        submission.tests_passed,
        submission.tests_total,
    )
    assert final["attempt"] == events[1]["attempt"] == 1


#: Of each language one that is right, wrong, crashes, does not compile: of `two-sum`, and one that
#: never ends: of `echo`.
PROGRAMS = (
    ("hash", Verdict.ACCEPTED),
    ("values", Verdict.WRONG_ANSWER),
    ("overflow", Verdict.WRONG_ANSWER),
    ("third_line", Verdict.RUNTIME_ERROR),
    ("no_check", Verdict.RUNTIME_ERROR),
    ("colon", Verdict.COMPILE_ERROR),
    ("include", Verdict.COMPILE_ERROR),
)
ENDLESS = {"python": "while True: pass", "cpp": "int main() { for (volatile int i = 0;; i = i); }"}


async def test_worker_judges_programs_of_every_kind(site: Site) -> None:
    """Right, wrong, slow, crashing and broken programs in Python and C++ get their verdicts.

    The events of each come in order and agree with the result; hidden tests show nothing.
    """
    shutil.copytree(ROOT / "problems" / "two-sum", site.folder / "problems" / "two-sum")
    problem = load_problems([site.folder / "problems"])["two-sum"]
    await site.open_worker(slots=2, beat_s=5.0)
    expected: dict[str, tuple[str, set[Verdict]]] = {}
    for reference in problem.submissions:
        verdict = dict(PROGRAMS).get(reference.path.stem)
        if verdict is not None and reference.language in ("python", "cpp"):
            user_id = reference.path.name
            code = reference.path.read_text()
            id_ = await site.submit(code, reference.language, "two-sum", user_id)
            expected[id_] = user_id, {verdict}
    for language, code in ENDLESS.items():
        id_ = await site.submit(code, language, "echo", language)
        # A host that gives it no processor may find it idle.
        slow = {Verdict.TIME_LIMIT_EXCEEDED, Verdict.IDLE_LIMIT_EXCEEDED}
        expected[id_] = language, slow
    assert len(expected) == 10
    found = {}
    for id_, (user_id, verdicts) in expected.items():
        submission = await site.verdict(id_, user_id)
        assert submission.verdict in verdicts, (user_id, submission)
        check_story(await site.story(id_, user_id), submission)
        hidden = submission.tests[len(problem.samples) :]
        assert submission.problem_id == "echo" or all(test.feedback is None for test in hidden)
        found[submission.verdict] = submission
    assert "error" in str(found[Verdict.COMPILE_ERROR].compile_output).lower()
    accepted = found[Verdict.ACCEPTED]
    assert accepted.tests_passed == accepted.tests_total == len(accepted.tests)
    assert (await site.broker.queue_status()) == (0, 0, 0)
    assert await site.workers[0].stop() == 0
    assert await site.broker.workers() == []


ENTRY = {"problemId": "echo", "userId": "u1", "language": "python", "code": "print(input())"}
BAD_ENTRIES: tuple[tuple[bytes, str], ...] = (
    (b"not JSON", "malformed"),
    (b"\xff\xfe\x00 no text", "malformed"),
    (b"", "malformed"),
    (b'{"problemId":"echo"}', "is required"),
    (json.dumps(ENTRY | {"code": " "}).encode(), "empty"),
    (json.dumps(ENTRY | {"userId": "a:b"}).encode(), "must have 1 to 128"),
    (json.dumps(ENTRY | {"problemId": "nope"}).encode(), "unknown problem 'nope'"),
    (json.dumps(ENTRY | {"language": "algol"}).encode(), "unknown language 'algol'"),
    (json.dumps(ENTRY | {"code": "#" * 70000}).encode(), "65536 bytes"),
    (b"[" * 100000, "malformed"),
)


async def test_worker_judges_what_foreign_producers_push(site: Site) -> None:
    """A bare LPUSH is judged like any other and its verdict told on `problem_done`.

    What cannot be read is put aside, reason and bytes, and the next entry is judged all the same.
    """
    worker = await site.open_worker()
    redis = site.broker.redis
    entries = [raw for raw, _ in BAD_ENTRIES] + [json.dumps(ENTRY | {"more": 1}).encode()]
    async with site.hub.listen(keys.DONE_CHANNEL) as done:
        for entry in entries:
            await redis.call(("LPUSH", keys.ADOPTION_LIST, entry))
        told = json.loads(await done.receive())
    assert (told["problemId"], told["userId"], told["status"]) == ("echo", "u1", "accepted")
    assert (await site.verdict(told["submissionId"])).verdict is Verdict.ACCEPTED
    rejected = await redis.call(("LRANGE", keys.REJECTED_LIST, 0, -1))
    assert len(rejected) == len(BAD_ENTRIES)
    for raw, (entry, reason) in zip(reversed(rejected), BAD_ENTRIES, strict=True):
        kept = json.loads(raw)
        assert reason in kept["reason"].lower() or reason == "malformed"
        assert kept["reason"]
        bytes_ = kept["entry"]
        assert (
            bytes_.encode() if isinstance(bytes_, str) else base64.b64decode(bytes_["base64"])
        ) == entry
    assert worker.process.poll() is None
    assert (await site.broker.queue_status()) == (0, 0, 0)


async def test_worker_serves_on_when_the_foreign_list_is_none(site: Site) -> None:
    """Somebody may make `problems` anything: ours are judged, and its entries once it is a list."""
    await site.broker.redis.call(("SET", keys.ADOPTION_LIST, "mine"))
    worker = await site.open_worker()
    await eventually(lambda: worker.logged("foreign entries wait"))
    assert (await site.verdict(await site.submit(echo_after(0)))).verdict is Verdict.ACCEPTED
    await site.broker.redis.call(("DEL", keys.ADOPTION_LIST))
    async with site.hub.listen(keys.DONE_CHANNEL) as done:
        await site.broker.redis.call(("LPUSH", keys.ADOPTION_LIST, json.dumps(ENTRY)))
        assert json.loads(await done.receive())["status"] == "accepted"
    assert worker.process.poll() is None


async def test_foreign_entries_survive_whoever_adopts_them(site: Site) -> None:
    """Workers are killed, and the store with them, while they adopt: each entry is judged once."""
    count = 20
    entries = [json.dumps(ENTRY | {"userId": f"u{number}"}) for number in range(count)]
    for step in range(0, count, 5):
        await site.broker.redis.call(("LPUSH", keys.ADOPTION_LIST, *entries[step : step + 5]))
        worker = await site.open_worker()
        await eventually(partial(site.was_told, f"u{step}", "queued"))
        worker.process.kill()
    site.store.kill()
    site.store.start()
    await site.open_worker(slots=2)
    for number in range(count):
        user_id = f"u{number}"
        await eventually(partial(site.was_told, user_id, "judged"))
        events = [json.loads(raw) for raw in (await site.broker.replay(user_id, None)).events]
        kinds = [event["type"] for event in events]
        assert (kinds.count("submission.queued"), kinds.count("submission.judged")) == (1, 1)
    assert await site.broker.redis.call(("EXISTS", keys.ADOPTION_LIST)) == 0


async def test_worker_without_the_problem_says_so(site: Site) -> None:
    """A problem or a language that only the API knows ends as internal_error, with a log line."""
    worker = await site.open_worker()
    for problem_id, language in (("nope", "c"), ("echo", "algol")):
        submission = await site.verdict(await site.submit("x", language, problem_id))
        assert submission.verdict is Verdict.INTERNAL_ERROR
        assert (submission.status, submission.attempt) == (Status.DONE, 1)
    await eventually(lambda: worker.logged("there is no problem 'nope' any more"))
    await eventually(lambda: worker.logged("this worker has no algol"))


async def test_log_of_a_judging_names_its_request(site: Site) -> None:
    """Whatever a worker logs of a submission carries the id of the request that brought it."""
    worker = await site.open_worker()
    for request_id in ("0123456789abcdef", ""):
        id_ = await site.submit("x", problem_id="nope", request_id=request_id)
        await site.verdict(id_)

        def lines(id_: str = id_) -> dict[str, str]:
            ours = [line for line in worker.logs() if line.get("submission") == id_]
            return {line["event"].partition(" ")[0]: line.get("request_id", "") for line in ours}

        await eventually(lambda: len(lines()) == 3)
        assert lines() == dict.fromkeys(("claimed", "there", "judged"), request_id)


@pytest.mark.parametrize("slots", [1, 3])
async def test_worker_uses_all_its_slots_and_no_more(site: Site, slots: int) -> None:
    """So many programs run at a time as there are slots; the others wait in the queue."""
    worker = await site.open_worker(slots=slots)
    ids = [await site.submit(HELD, problem_id="patient") for _ in range(slots + 2)]
    seen: set[int] = set()

    async def full() -> bool:
        seen.add(worker.programs())
        return slots in seen and await site.broker.queue_status() == (2, slots, 0)

    async def over() -> bool:
        seen.add(worker.programs())
        worker.release()
        return (await site.broker.queue_status())[:2] == (0, 0)

    await eventually(full)
    await eventually(over)
    assert max(seen) == slots
    for id_ in ids:
        assert (await site.verdict(id_)).verdict is Verdict.ACCEPTED


async def test_resubmission_and_rejudge_compile_nothing(site: Site) -> None:
    """What was compiled once is known to every worker of the machine, and the verdict is the same."""
    await site.open_worker()
    first = await site.submit(echo_after(0))
    assert (await site.verdict(first)).verdict is Verdict.ACCEPTED
    await site.open_worker()
    again = [await site.submit(echo_after(0), user_id="u2") for _ in range(2)]
    for id_ in again:
        assert (await site.verdict(id_, user_id="u2")).verdict is Verdict.ACCEPTED
    await site.broker.rejudge(first)
    await site.until(first, "judged", times=2)
    stories = [await site.story(first), *[await site.story(id_, "u2") for id_ in again]]
    times = [e["time_s"] for story in stories for e in story if e["type"] == "submission.compiled"]
    assert times[0] > 0
    assert times[1:] == [0, 0, 0]
