"""`gavel submit` and `gavel watch` against a real API, gateway and store; the test judges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from daemons.tokens import Scope, TokenFile
from protocol.messages import Verdict
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import Worker, open_worker, run_daemon, write_config

PATIENCE_S = 120.0


GAVEL = [sys.executable, "-m", "daemons.cli.main"]


class Suite:
    """Addresses of a running API and gateway, a worker's hands, and the command line."""

    def __init__(self, server: str, gateway: str, worker: Worker, folder: Path) -> None:
        self.server = server
        self.gateway = gateway
        self.worker = worker
        self.folder = folder

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `gavel` with *arguments* and the suite's addresses."""
        addresses = ["--server", self.server, "--gateway", self.gateway]
        return [*GAVEL, *arguments, *addresses]

    async def gavel(self, *arguments: str, token: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run `gavel` to its end."""
        return await run(self.command(*arguments), token)


def environment(token: str) -> dict[str, str]:
    """Return the environment of a command."""
    own = {"PYTHONUNBUFFERED": "1", "USER": "tester", "LOGNAME": "tester", "GAVEL_TOKEN": token}
    return {**os.environ, **own}


async def run(command: list[str], token: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run *command* to its end and return what it said."""
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, check=False, env=environment(token)
        )


@asynccontextmanager
async def open_suite(store: StoreProcess, more: str = "") -> AsyncIterator[Suite]:
    """Run a suite on *store*, with *more* in its configuration."""
    config = write_config(store)
    config.write_text(config.read_text() + more)
    with (
        run_daemon("api", config, store.folder / "a.sock") as (_, api),
        run_daemon("gateway", config, store.folder / "g.sock") as (_, gateway),
    ):
        async with open_worker(store.config()) as worker:
            yield Suite(f"http://{api}", f"ws://{gateway}/", worker, store.folder)


@pytest.fixture
async def suite(store: StoreProcess) -> AsyncIterator[Suite]:
    """Give a suite on a store of its own."""
    async with open_suite(store) as opened:
        yield opened


@pytest.fixture
def program(store: StoreProcess) -> str:
    """Give the path of a program in Python."""
    path = store.folder / "echo.py"
    path.write_text("print(input())\n")
    return str(path)


async def test_submit_waits_for_the_verdict(
    suite: Suite, program: str, subtests: pytest.Subtests
) -> None:
    """With --wait the verdict is the last line, and the exit code says how it went."""
    codes = {Verdict.ACCEPTED: 0, Verdict.WRONG_ANSWER: 1, Verdict.INTERNAL_ERROR: 3}
    for verdict, code in codes.items():
        with subtests.test(verdict.value):
            results: list[Any] = []
            command = suite.command("submit", program, "--problem", "echo", "--wait")

            async def submit(command: list[str], results: list[Any]) -> None:
                results.append(await run(command))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(submit, command, results)
                await suite.worker.judge(verdict, tests=2)
            lines = results[0].stdout.decode().splitlines()
            assert results[0].returncode == code, results[0].stderr
            assert lines[0].startswith("in the queue 01")
            assert [line.split()[0] for line in lines if "/2 " in line] == ["1/2", "2/2"]
            assert lines[-1].startswith(f"{verdict}  2 of 2 tests")


async def test_submit_prints_one_json_document(suite: Suite, program: str) -> None:
    """With --json nothing but the judged submission is on stdout."""
    results: list[Any] = []

    async def submit() -> None:
        results.append(
            await suite.gavel("submit", program, "--problem", "echo", "--wait", "--json")
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        await suite.worker.judge()
    assert results[0].returncode == 0, results[0].stderr
    document = json.loads(results[0].stdout)
    assert (document["verdict"], document["user_id"]) == ("accepted", "tester")


async def test_token_opens_api_and_gateway_alike(store: StoreProcess, program: str) -> None:
    """With the token in GAVEL_TOKEN a verdict is followed and events are watched; else exit 2, 3."""
    tokens = TokenFile(store.folder / "tokens.json")
    mine, _ = tokens.add((Scope.SUBMIT, Scope.READ), user_id="tester")
    submit = ("submit", program, "--problem", "echo", "--wait")
    results: list[Any] = []
    async with open_suite(store, '[auth]\ntokens_file = "tokens.json"\n') as suite:

        async def send() -> None:
            results.append(await suite.gavel(*submit, token=mine))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            await suite.worker.judge(tests=1)
        assert results[0].returncode == 0, results[0].stderr
        assert results[0].stdout.decode().splitlines()[-1].startswith("accepted")
        events = await read_watched(suite, "tester", mine)
        assert events[-1]["type"] == "submission.judged"

        for arguments, token in [
            (submit, ""),
            (submit, "gavel_x"),
            ((*submit, "--user", "u2"), mine),
            (("watch", "u2"), mine),
        ]:
            refused = await suite.gavel(*arguments, token=token)
            assert refused.returncode in (2, 3), refused.stdout
            assert b"token" in refused.stderr
            assert b"Traceback" not in refused.stderr


async def test_submit_without_wait_tells_where_to_look(suite: Suite, program: str) -> None:
    """Without --wait the submission's id and address are printed, exit code 0."""
    done = await suite.gavel("submit", program, "--problem", "echo", "--user", "u1")

    assert done.returncode == 0
    submission_id = done.stdout.split()[0].decode()
    assert f"{suite.server}/submissions/{submission_id}" in done.stdout.decode()


async def test_submit_tells_what_was_wrong(
    suite: Suite, program: str, subtests: pytest.Subtests
) -> None:
    """What the API refuses is told in its words, with the field, exit code 2."""
    for arguments, said in [
        (("--problem", "ecco"), "problem_id: there is no problem 'ecco'; did you mean 'echo'?"),
        (("--problem", "echo", "--language", "algol"), "language: there is no language 'algol'"),
        (("--problem", "echo", "--user", "a b"), "user_id: "),
    ]:
        with subtests.test(said):
            done = await suite.gavel("submit", program, *arguments)

            assert done.returncode == 2
            assert said in done.stderr.decode()


async def test_submit_refuses_before_it_sends(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """What can be seen to be wrong here is told without asking anybody, exit code 2."""
    unknown, bad, good = (tmp_path / name for name in ("program.xyz", "bad.py", "good.py"))
    unknown.write_text("x")
    bad.write_bytes(b"x = '\xff'\n")
    good.write_text("x")
    for file, arguments, said in [
        (unknown, ("--problem", "echo"), "--language"),
        (bad, ("--problem", "echo"), "not UTF-8 at byte 5"),
        (good, (), "--problem"),
        (good, ("--problem", "echo", "--server", "nonsense"), "--server"),
        (good, ("--problem", "echo", "--wait", "--gateway", "http://x/"), "--gateway"),
        (tmp_path / "nosuch.py", ("--problem", "echo"), "does not exist"),
    ]:
        with subtests.test(said):
            done = await run([*GAVEL, "submit", str(file), *arguments])

            assert done.returncode == 2
            assert said in done.stderr.decode()
            assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize("wait", [(), ("--wait",)], ids=["plain", "wait"])
async def test_submit_names_cause_and_fix_when_nobody_answers(
    program: str, wait: tuple[str, ...]
) -> None:
    """With nobody there, the error names the address and the command that helps; exit code 3."""
    addresses = ("--server", "http://127.0.0.1:1", "--gateway", "ws://127.0.0.1:1/")
    command = [*GAVEL, "submit", program]
    done = await run([*command, "--problem", "echo", *wait, *addresses])

    assert done.returncode == 3
    said = done.stderr.decode()
    assert "127.0.0.1:1" in said
    assert "make run" in said
    assert "Traceback" not in said


async def test_watch_prints_events_as_they_come(suite: Suite, program: str) -> None:
    """`gavel watch` prints one JSON object a line; with --after, those missed come first."""
    await suite.gavel("submit", program, "--problem", "echo", "--user", "u1")
    await suite.worker.judge()

    events = await read_watched(suite, "u1")
    assert events[0]["type"] == "submission.queued"
    assert all(event["user_id"] == "u1" for event in events)


async def read_watched(suite: Suite, user: str, token: str = "") -> list[Any]:
    """Return what `gavel watch` prints of *user* from the beginning to a verdict."""
    watch = partial(
        trio.run_process, suite.command("watch", user, "--after", "0"), env=environment(token)
    )
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(watch, stdout=subprocess.PIPE, check=False, deliver_cancel=kill)
        )
        assert process.stdout is not None
        received = b""
        with trio.fail_after(PATIENCE_S):
            while b"submission.judged" not in received:
                some = await process.stdout.receive_some()
                assert some, received
                received += some
        nursery.cancel_scope.cancel()
    return [json.loads(line) for line in received.splitlines()]


async def kill(process: trio.Process) -> None:
    """End *process* at once: what it was to show has been seen."""
    process.kill()


async def test_watch_refuses_a_wrong_user_id() -> None:
    """A user id that cannot be is a usage error."""
    done = await run([*GAVEL, "watch", "a b"])

    assert done.returncode == 2
    assert "user id" in done.stderr.decode()
