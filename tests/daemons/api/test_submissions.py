"""Submissions go in, can be looked at, listed, cancelled and judged again."""

from __future__ import annotations

import trio

from protocol.messages import Verdict
from tests.daemons.api.conftest import GOOD, Api, Worker
from tests.daemons.api.test_bad_input import check_problem


async def test_create_answers_202_with_the_place_to_look(api: Api) -> None:
    """A submission is answered with itself, queued, and the place where it can be looked at."""
    answer = await api.post(GOOD)

    assert answer.status_code == 202
    document = answer.json()
    assert answer.headers["Location"] == f"/submissions/{document['id']}"
    assert {name: document[name] for name in ("problem_id", "user_id", "language")} == {
        name: GOOD[name] for name in ("problem_id", "user_id", "language")
    }
    assert (document["status"], document["verdict"], document["position"]) == ("queued", None, 1)
    assert document.pop("durability") == "disk"
    assert (await api.get(answer.headers["Location"])).json() == document


async def test_show_tells_the_verdict(api: Api, worker: Worker) -> None:
    """Once judged, a submission shows its result."""
    submission_id = (await api.post(GOOD)).json()["id"]

    assert await worker.judge(Verdict.WRONG_ANSWER) == submission_id
    document = (await api.get(f"/submissions/{submission_id}")).json()
    assert (document["status"], document["verdict"]) == ("done", "wrong_answer")
    assert document["position"] is None
    assert document["tests_total"] == 2
    assert document["finished_at"].endswith("Z")


async def test_create_takes_several_files(api: Api) -> None:
    """`files` with an `entry` stand in place of `code`."""
    files = [{"name": "main.py", "content": "import a"}, {"name": "a.py", "content": "print(1)"}]
    request = {**GOOD, "files": files, "entry": "main.py"}
    del request["code"]

    assert (await api.post(request)).status_code == 202


async def test_tutorial_form_is_stored(api: Api, worker: Worker) -> None:
    """`POST /submit` answers with the tutorial's sentence, and the submission is there."""
    form = {"problemId": "echo", "code": "print(1)", "language": "python"}

    answer = await api.post(form, path="/submit")
    assert answer.status_code == 200
    assert answer.text == "Submission received and stored."
    document = (await api.get(answer.headers["Location"])).json()
    assert (document["user_id"], document["status"]) == ("anonymous", "queued")
    assert await worker.judge() == document["id"]


async def test_create_with_a_key_stores_once(api: Api) -> None:
    """The same Idempotency-Key with the same body is the same submission."""
    key = {"Idempotency-Key": "k-1"}
    first, second = [await api.post(GOOD, headers=key) for _ in range(2)]

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert len((await api.get("/submissions?user_id=u1")).json()["submissions"]) == 1


async def test_create_with_a_key_stores_once_at_the_same_time(api: Api) -> None:
    """Requests with one key that overtake each other are one submission, too."""
    ids: set[str] = set()

    async def send() -> None:
        answer = await api.post(GOOD, headers={"Idempotency-Key": "k-1"})
        assert answer.status_code == 202
        ids.add(answer.json()["id"])

    async with trio.open_nursery() as nursery:
        for _ in range(16):
            nursery.start_soon(send)
    listed = (await api.get("/submissions?user_id=u1")).json()["submissions"]
    assert [each["id"] for each in listed] == list(ids)


async def test_create_refuses_a_key_of_another_body(api: Api) -> None:
    """The same Idempotency-Key with another body is 422."""
    key = {"Idempotency-Key": "k-1"}
    await api.post(GOOD, headers=key)

    answer = await api.post({**GOOD, "code": "other"}, headers=key)
    document = check_problem(answer, 422, "idempotency-mismatch")
    assert document["errors"][0]["field"] == "Idempotency-Key"


async def test_list_pages_through_all_newest_first(api: Api) -> None:
    """Following `next_cursor` gives every submission of the user once, the newest first."""
    sent = [(await api.post(GOOD)).json()["id"] for _ in range(5)]
    await api.post({**GOOD, "user_id": "u2"})

    seen: list[str] = []
    query = {"user_id": "u1", "limit": "2"}
    while True:
        page = (await api.get("/submissions", params=query)).json()
        seen += [submission["id"] for submission in page["submissions"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == sorted(sent)
    created = {each: index for index, each in enumerate(sent)}
    assert abs(created[seen[0]] - 4) <= 1


async def test_cancel_ends_a_queued_submission(api: Api) -> None:
    """DELETE answers with the cancelled submission, a second time as well."""
    path = (await api.post(GOOD)).headers["Location"]

    for _ in range(2):
        answer = await api.client.delete(path)
        assert answer.status_code == 200
        assert answer.json()["status"] == "cancelled"


async def test_cancel_refuses_what_is_done(api: Api, worker: Worker) -> None:
    """What is judged cannot be cancelled: 409."""
    path = (await api.post(GOOD)).headers["Location"]
    await worker.judge()

    check_problem(await api.client.delete(path), 409, "conflict")
    assert (await api.get(path)).json()["status"] == "done"


async def test_rejudge_queues_what_is_done(api: Api, worker: Worker) -> None:
    """A judged submission goes back into the queue and is judged again."""
    path = (await api.post(GOOD)).headers["Location"]
    check_problem(await api.client.post(f"{path}/rejudge"), 409, "conflict")
    await worker.judge(Verdict.WRONG_ANSWER)

    answer = await api.client.post(f"{path}/rejudge")
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    await worker.judge()
    submission = (await api.get(path)).json()
    assert submission["verdict"] == "accepted"
    [earlier] = submission["history"]
    assert (earlier["generation"], earlier["verdict"]) == (1, "wrong_answer")


async def test_cancel_and_rejudge_of_nothing_are_404(api: Api) -> None:
    """What is not there can be neither cancelled nor judged again."""
    path = "/submissions/01JD0000000000000000000000"

    check_problem(await api.client.delete(path), 404, "not-found")
    check_problem(await api.client.post(f"{path}/rejudge"), 404, "not-found")


async def test_every_answer_has_its_own_request_id(api: Api) -> None:
    """Answers, errors among them, carry an id that the log has, too."""
    answers = [await api.get("/"), await api.get("/nosuch"), await api.post(b"{")]

    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


async def test_who_judges_knows_the_id_of_the_request(api: Api, worker: Worker) -> None:
    """A submission carries the id of the request that it came by, or was last judged again by."""
    sent = await api.post(GOOD)
    await worker.judge()
    again = await api.client.post(f"{sent.headers['Location']}/rejudge")
    assert (await worker.take()).request_id == again.headers["X-Request-Id"]

    sent = await api.post(GOOD)
    assert (await worker.take()).request_id == sent.headers["X-Request-Id"]
