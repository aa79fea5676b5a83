"""`gavel submit`, `problems` and `languages` against a server that asks for tokens; `gavel logs`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemons.tokens import Scope, TokenFile
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import run_daemon, write_config

GAVEL = Path(sys.prefix) / "bin" / "gavel"
COMMAND_S = 300.0


class Server:
    """A running API that asks for tokens; `gavel` runs the command against it."""

    def __init__(self, folder: Path, address: str, token: str) -> None:
        self.folder = folder
        self.address = address
        self.token = token

    def gavel(self, *args: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `gavel` with the token, or with another one."""
        environment = {**os.environ, "GAVEL_TOKEN": self.token if token is None else token}
        return subprocess.run(
            [str(GAVEL), *args], text=True, capture_output=True, timeout=COMMAND_S, check=False,
            env=environment, cwd=self.folder,
        )  # fmt: skip

    def ask(self, *args: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `gavel` with `--server`."""
        return self.gavel(*args, "--server", f"http://{self.address}", token=token)


@pytest.fixture
def server(store: StoreProcess) -> Iterator[Server]:
    """Give an API as its own process, behind a token."""
    config = write_config(store)
    config.write_text(config.read_text() + '[auth]\ntokens_file = "tokens.json"\n')
    text, _ = TokenFile(store.folder / "tokens.json").add((Scope.SUBMIT, Scope.READ))
    with run_daemon("api", config, store.folder / "notify.sock") as (_, address):
        yield Server(store.folder, address, text)


def test_commands_work_with_a_token_from_afar(server: Server) -> None:
    """A token in GAVEL_TOKEN opens the door; without it the error tells where to put one."""
    listed = json.loads(server.ask("problems", "list", "--json").stdout)
    assert [problem["id"] for problem in listed] == ["echo"]
    assert "Echo" in server.ask("problems", "list").stdout
    assert "Print what you read." in server.ask("problems", "show", "echo").stdout
    assert json.loads(server.ask("languages", "--json").stdout) == {"languages": []}
    (server.folder / "a.py").write_text("print(input())\n")
    sent = server.ask("submit", "a.py", "--problem", "echo", "--user", "u1", "--json")
    submission = json.loads(sent.stdout)
    assert submission["status"] == "queued"

    refused = server.ask("problems", "list", token="x")
    assert refused.returncode == 2
    assert "GAVEL_TOKEN" in refused.stderr
    missing = server.ask("problems", "show", "nosuch")
    assert missing.returncode == 2
    assert "there is no problem 'nosuch'" in missing.stderr


def test_logs_tell_a_story_across_processes(tmp_path: Path) -> None:
    """Lines of all files that name the submission come in order of time; the others stay out."""
    known = "01JD0000000000000000000000"
    (tmp_path / "log").mkdir()
    config = tmp_path / "supervisor.toml"
    config.write_text('[supervisor]\nlog_dir = "log"\n')
    files = {
        "api.log.1": [("10", "api", "submitted", known), ("11", "api", "submitted", "other")],
        "worker.log": [("30", "worker", "judged", known), ("20", "worker", "claimed", known)],
    }
    for name, lines in files.items():
        with (tmp_path / "log" / name).open("w") as file:
            for at, daemon, event, id_ in lines:
                line = {
                    "timestamp": f"2026-01-01T00:00:{at}Z",
                    "daemon": daemon,
                    "pid": 7,
                    "level": "info",
                    "event": event,
                    "submission": id_,
                }
                if daemon == "api":
                    line["request_id"] = REQUEST if id_ == known else "f" * 16
                file.write(json.dumps(line) + "\n")
            file.write(f"cut {known}\n")
    told = logs(config, known)
    assert told.returncode == 0
    assert [line.split()[1:3] for line in told.stdout.splitlines()] == [
        ["api[7]", "submitted"], ["worker[7]", "claimed"], ["worker[7]", "judged"]
    ]  # fmt: skip
    assert f"request_id={REQUEST}" in told.stdout
    assert logs(config, REQUEST).stdout == told.stdout
    (first, *_) = [json.loads(line) for line in logs(config, known, "--json").stdout.splitlines()]
    assert first["submission"] == known


REQUEST = "0123456789abcdef"


def logs(config: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `gavel logs` with *config*."""
    return subprocess.run(
        [str(GAVEL), "logs", *args, "--config", str(config)], text=True, capture_output=True,
        timeout=COMMAND_S, check=False,
    )  # fmt: skip


def test_logs_say_what_is_wrong(tmp_path: Path) -> None:
    """What is no id, unknown, or not kept at all is told in a line."""
    config = tmp_path / "supervisor.toml"
    config.write_text("")
    known = "01JD0000000000000000000000"

    assert "which has 26 characters" in logs(config, "x").stderr
    assert 'set [supervisor] log_dir = "var/log"' in logs(config, known).stderr
    config.write_text('[supervisor]\nlog_dir = "log"\n')
    assert "`gavel up` writes them" in logs(config, known).stderr
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "api.log").write_text("")
    assert logs(config, known).returncode == 1


def test_new_package_is_right_as_it_stands(tmp_path: Path) -> None:
    """What `problems new` writes is offered, and each of its solutions gets its verdict."""
    (tmp_path / "supervisor.toml").write_text("")

    def gavel(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(GAVEL), "problems", *args], text=True, capture_output=True, timeout=COMMAND_S,
            check=False, cwd=tmp_path,
        )  # fmt: skip

    assert gavel("new", "problems/my-sum").returncode == 0
    assert "is not empty" in gavel("new", "problems/my-sum").stderr
    (listed,) = json.loads(gavel("list", "--json").stdout)
    assert (listed["id"], listed["title"], listed["tests"]) == ("my-sum", "My Sum", 3)
    verified = gavel("verify", "--json")
    assert verified.returncode == 0, verified.stdout
    inputs, *judged = json.loads(verified.stdout)
    assert inputs["verdict"] == "valid"
    assert [each["verdict"] for each in judged] == ["accepted", "wrong_answer"]
