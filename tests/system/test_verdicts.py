"""From a POST to a verdict on a WebSocket, through every daemon, with clients that others wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import ENDLESS, ROOT, events_until_judged, reference, submission

if TYPE_CHECKING:
    from tests.system.conftest import System

CASES = [
    ("accepted", "accepted"),
    ("wrong_answer", "wrong_answer"),
    ("time_limit_exceeded", "time_limit_exceeded"),
    ("run_time_error", "runtime_error"),
    ("compile_error", "compile_error"),
]


@pytest.mark.parametrize("language", ["python", "cpp"])
@pytest.mark.parametrize(("folder", "verdict"), CASES)
def test_system_tells_every_step_and_the_right_verdict(
    system: System, folder: str, verdict: str, language: str
) -> None:
    """Each kind of solution ends in its verdict, told step by step on the user's socket."""
    code = reference("two-sum", folder, {"python": ".py", "cpp": ".cpp"}[language])
    user = f"{folder}-{language}"
    with system.http() as http, system.socket(user) as client:
        answer = http.post("/submissions", json=submission(code, language, user_id=user))
        assert answer.status_code == 202, answer.text
        events = events_until_judged(client)
    kinds = [event["type"].removeprefix("submission.") for event in events]
    tests = [event for event in events if event["type"] == "submission.test"]
    if verdict == "compile_error":
        # What Python code does not parse, its first run tells.
        compiled = ["compiled"] if language == "python" else []
        assert kinds == ["queued", "started", *compiled, "judged"]
        assert events[-1]["compile_output"]
    else:
        assert kinds == ["queued", "started", "compiled", *["test"] * len(tests), "judged"]
        assert [event["index"] for event in tests] == list(range(1, len(tests) + 1))
        assert tests[-1]["verdict"] == events[-1]["verdict"]
    assert events[-1]["verdict"] in (ENDLESS if folder == "time_limit_exceeded" else (verdict,))
    assert {event["submission_id"] for event in events} == {answer.json()["id"]}
    assert [event["prev"] for event in events[1:]] == [event["id"] for event in events[:-1]]


def test_system_answers_a_waiting_post_with_the_verdict(system: System) -> None:
    """`?wait=` holds the answer until the submission is judged; GET then says the same."""
    with system.http() as http:
        code = reference("two-sum", "accepted", ".py")
        answer = http.post("/submissions?wait=60", json=submission(code, user_id="waiter"))
        assert answer.status_code == 200
        judged = answer.json()
        assert judged["verdict"] == "accepted"
        assert judged["tests_passed"] == judged["tests_total"] == len(judged["tests"])
        assert http.get(answer.headers["Location"]).json() == judged


def test_system_tells_all_sockets_of_the_user_and_nobody_else(system: System) -> None:
    """Two sockets of one user get the same events; another user's gets none."""
    with (
        system.http() as http,
        system.socket("twin") as first,
        system.socket('{"user_id": "twin", "client": "tab-2"}') as second,
        system.socket("stranger") as stranger,
    ):
        http.post("/submissions", json=submission("print(1)", user_id="twin"))
        assert events_until_judged(first) == events_until_judged(second)
        with pytest.raises(TimeoutError):
            stranger.recv(timeout=0.2)


def test_system_judges_a_bare_lpush(system: System) -> None:
    """Any Redis client may LPUSH to `problems`; the verdict comes on `problem_done`."""
    code = reference("two-sum", "accepted", ".py")
    entry = json.dumps(
        {"problemId": "two-sum", "userId": "guest", "language": "python", "code": code}
    )
    with system.redis() as subscriber:
        subscriber.sendall(b"SUBSCRIBE problem_done\r\n")
        assert b"subscribe" in subscriber.recv(4096)
        with system.redis() as producer:
            producer.sendall(
                b"*3\r\n$5\r\nLPUSH\r\n$8\r\nproblems\r\n$%d\r\n%s\r\n"
                % (len(entry.encode()), entry.encode())
            )
            assert producer.recv(64).startswith(b":")
        told = b""
        while not told.endswith(b"}\r\n"):
            told += subscriber.recv(4096)
    done = json.loads(told[told.index(b"{") :])
    assert done["problemId"] == "two-sum"
    assert done["userId"] == "guest"
    assert done["status"] == "accepted"


def test_system_takes_the_tutorials_form(system: System) -> None:
    """`POST /submit` answers as the tutorial says, and the submission is judged."""
    with system.http() as http, system.socket("pupil") as client:
        answer = http.post(
            "/submit",
            json={"problemId": "two-sum", "userId": "pupil", "language": "python", "code": "1/0"},
        )
        assert answer.status_code == 200
        assert answer.text.strip() == "Submission received and stored."
        assert events_until_judged(client)[-1]["verdict"] == "runtime_error"


@pytest.mark.parametrize(
    ("folder", "code"), [("accepted", 0), ("wrong_answer", 1), ("compile_error", 1)]
)
def test_gavel_submit_follows_the_verdict(system: System, folder: str, code: int) -> None:
    """`gavel submit --wait` shows the tests and the verdict, and its exit code says which."""
    file = min((ROOT / "problems/two-sum/submissions" / folder).glob("*.cpp"))
    done = system.gavel("submit", str(file), "--problem", "two-sum", "--user", "cli", "--wait")
    assert done.returncode == code, done.stderr
    verdict = "accepted" if folder == "accepted" else folder
    assert verdict.replace("_", " ") in done.stdout.lower().replace("_", " ")
