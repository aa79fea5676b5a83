"""What the messages accept, refuse and mean."""

from __future__ import annotations

import msgspec
import pytest

from protocol.codec import decode, encode
from protocol.errors import InvalidInput
from protocol.messages import (
    EventType,
    RunRequest,
    Submission,
    SubmissionRequest,
    TutorialForm,
    TutorialRequest,
    is_user_id,
)

HEAD = {"problem_id": "two-sum", "user_id": "u1", "language": "python"}


def request(**members: object) -> bytes:
    """Return a submission request as a stranger would send it."""
    return encode({**HEAD, **members})


@pytest.mark.parametrize("user_id", ["u1", "Ada.Lovelace+x@example-1.org", "_", "x" * 128])
def test_user_id_accepts_what_ids_look_like(user_id: str) -> None:
    """Letters, digits and `. _ @ + -`, 1 to 128 of them, make a user id."""
    assert is_user_id(user_id)
    assert decode(request(code="x", user_id=user_id), SubmissionRequest).user_id == user_id


@pytest.mark.parametrize(
    "user_id", ["", "x" * 129, "u 1", "u:1", "{0}", "u\n", "\nu", "u\x00", "ü", "u/1", "u*"]
)
def test_user_id_refuses_what_would_break_a_key(user_id: str) -> None:
    """Blanks, colons, braces, wildcards and control characters never get into a key."""
    assert not is_user_id(user_id)
    with pytest.raises(InvalidInput) as caught:
        decode(request(code="x", user_id=user_id), SubmissionRequest)
    assert caught.value.fields[0].field == "user_id"


@pytest.mark.parametrize("slug", ["", "-a", "a/b", "../a", "a b", "a\n", "x" * 65])
@pytest.mark.parametrize("member", ["problem_id", "language"])
def test_slug_refuses_paths_and_blanks(member: str, slug: str) -> None:
    """A problem or language id is a plain name: it becomes a folder's name."""
    with pytest.raises(InvalidInput) as caught:
        decode(request(**{"code": "x", member: slug}), SubmissionRequest)
    assert caught.value.fields[0].field == member


@pytest.mark.parametrize("name", ["", ".", "..", ".bashrc", "a/b", "a\\b", "a\n", "-rf", "x" * 65])
def test_file_name_refuses_what_is_no_plain_name(name: str) -> None:
    """A file of a submission can't be a path, an option, or hidden."""
    body = request(files=[{"name": name, "content": ""}], entry=name)
    with pytest.raises(InvalidInput) as caught:
        decode(body, SubmissionRequest)
    assert caught.value.fields[0].field == "files[0].name"


def test_request_takes_code_or_files() -> None:
    """A program is one text, or several files of which one is the entry."""
    single = decode(request(code="print()"), SubmissionRequest)
    assert (single.code, single.files, single.entry, single.priority) == (
        "print()",
        (),
        None,
        "normal",
    )
    files = [{"name": "main.py", "content": "import b"}, {"name": "b.py", "content": ""}]
    several = decode(request(files=files, entry="main.py", priority="low"), SubmissionRequest)
    assert [file.name for file in several.files] == ["main.py", "b.py"]
    assert several.entry == "main.py"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({}, "code"),
        ({"code": None}, "code"),
        ({"code": ""}, "code"),
        ({"code": " \n\t"}, "code"),
        ({"code": 1}, "code"),
        ({"code": "x", "files": [{"name": "a", "content": ""}], "entry": "a"}, "code"),
        ({"code": "x", "entry": "a"}, "entry"),
        ({"files": [{"name": "a", "content": ""}]}, "entry"),
        ({"files": [{"name": "a", "content": ""}], "entry": "b"}, "entry"),
        ({"files": [{"name": "a", "content": ""}] * 2, "entry": "a"}, "files"),
        ({"files": [{"name": "a"}], "entry": "a"}, "files[0].content"),
        ({"files": [{"name": "a", "content": "", "mode": 7}], "entry": "a"}, "files[0].mode"),
        ({"code": "x", "priority": "high"}, "priority"),
        ({"code": "x", "verdict": "accepted"}, "verdict"),
    ],
)
def test_request_names_the_field_at_fault(members: dict[str, object], field: str) -> None:
    """Whatever is wrong with a request, the error says in which field."""
    with pytest.raises(InvalidInput) as caught:
        decode(request(**members), SubmissionRequest)
    assert [error.field for error in caught.value.fields] == [field]


def test_tutorial_request_becomes_a_full_one() -> None:
    """The tutorial's camel case and its missing user are understood, extra fields passed over."""
    body = b'{"problemId": "two-sum", "code": "x", "language": "python", "submittedBy": {"a": 1}}'
    assert decode(body, TutorialRequest).full() == SubmissionRequest(
        problem_id="two-sum", user_id="anonymous", language="python", code="x"
    )


def test_tutorial_request_refuses_an_empty_program() -> None:
    """White space is no program in the short form either."""
    with pytest.raises(InvalidInput) as caught:
        decode(b'{"problemId": "a", "code": " ", "language": "c"}', TutorialRequest)
    assert caught.value.fields[0].field == "code"


def test_run_waits_as_a_submission_without_a_problem() -> None:
    """A run is a program like a submission's, for no problem, in turn with the others."""
    run = decode(b'{"user_id": "u", "language": "c", "code": "x"}', RunRequest)
    assert run.problem_id is None
    assert run.priority == "normal"
    with pytest.raises(InvalidInput, match="`code` is empty"):
        decode(b'{"user_id": "u", "language": "c", "code": " "}', RunRequest)


def test_tutorial_form_refuses_what_it_does_not_know() -> None:
    """Over HTTP a mistyped `userId` is an error, never an anonymous submission."""
    with pytest.raises(InvalidInput, match="unknown field `userid`; known are: problemId"):
        decode(b'{"problemId":"p","code":"x","language":"c","userid":"u"}', TutorialForm)


def test_submission_shows_every_field_from_the_start() -> None:
    """A client sees all members at once, null where nothing is known yet."""
    fresh = Submission(
        id="0" * 26,
        problem_id="p",
        user_id="u",
        language="c",
        status="queued",  # type: ignore[arg-type]
        created_at="2026-01-01T00:00:00.000000Z",
    )
    shown = msgspec.json.decode(encode(fresh))
    assert " ".join(shown) == (
        "id problem_id user_id language status verdict score tests_passed tests_total time_s "
        "memory_bytes compile_output tests problem_version attempt position wait_s created_at "
        "started_at finished_at history"
    )
    assert shown["verdict"] is shown["position"] is None


def test_event_types_know_which_are_final() -> None:
    """After `judged` and `cancelled`, and only then, nothing more comes."""
    final = {event for event in EventType if event.final}
    assert final == {EventType.JUDGED, EventType.CANCELLED}
