"""The command line: what it offers, what it costs, and how it fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from daemons.cli.main import COMMANDS, cli

OFFERED = cli.list_commands(click.Context(cli))


def gavel(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own; *code* runs after it."""
    script = "import sys; from daemons.cli.main import cli\ntry: cli(prog_name='gavel')\n"
    script += f"except SystemExit as end: status = end.code\n{code}\nsys.exit(status)"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_shows_commands_and_examples() -> None:
    """`gavel --help` lists each command with a line of help, and shows how to begin."""
    done = gavel("--help")

    assert done.returncode == 0
    for name in ("up", "status", "restart", "reload", "stop", "api", "worker", "gateway", "store"):
        assert re.search(rf"^  {name} +\w", done.stdout, re.MULTILINE)
    assert "gavel submit sum.py --problem two-sum --wait" in done.stdout


@pytest.mark.parametrize("name", OFFERED)
def test_every_command_is_there_and_teaches(name: str) -> None:
    """Each listed command exists, and its help is longer than its name."""
    done = CliRunner().invoke(cli, [name, "--help"])

    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) > 5


def test_help_imports_no_daemon() -> None:
    """A command's module is imported when it is called, so help stays quick."""
    done = gavel(
        "--help", code="print([name for name in sys.modules if name in ('trio', 'quart', 'redis')])"
    )

    assert done.stdout.endswith("[]\n")


def test_status_imports_no_loop() -> None:
    """`gavel status` asks a socket; it needs no Trio, web server or Redis client for it."""
    done = gavel(
        "status",
        "--config",
        "/nowhere",
        code="print([name for name in sys.modules if name in ('trio', 'quart', 'redis')])",
    )

    assert done.returncode == 78
    assert done.stdout == "[]\n"


def test_command_without_its_module_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose module is missing is neither listed nor found."""
    monkeypatch.setitem(COMMANDS, "dance", ("dance", "Dance."))

    assert "dance" not in CliRunner().invoke(cli, ["--help"]).output
    assert "No such command 'dance'" in CliRunner().invoke(cli, ["dance"]).output


def test_wrong_configuration_is_one_line_and_78(tmp_path: Path) -> None:
    """A wrong configuration is one line on stderr that names file and key, and exit code 78."""
    file = tmp_path / "supervisor.toml"
    file.write_text("[api]\nprocesses = 0\n")

    done = gavel("api", "--config", str(file))

    assert done.returncode == 78
    assert done.stderr == f"gavel: {file}: [api] processes: Expected `int` >= 1\n"


def test_configuration_comes_from_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GAVEL_CONFIG names the file where no option does."""
    monkeypatch.setenv("GAVEL_CONFIG", str(tmp_path / "elsewhere.toml"))

    done = CliRunner().invoke(cli, ["status"])

    assert done.exit_code == 78
    assert "elsewhere.toml: No such file" in done.output


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["stop"], ["reload"]])
def test_command_without_supervisor_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
    """Where no supervisor runs, a command says so in one line and ends with 1."""
    (tmp_path / "supervisor.toml").write_text("")

    done = gavel(*command, "--config", str(tmp_path / "supervisor.toml"))

    assert done.returncode == 1
    assert re.fullmatch(r"gavel: no supervisor answers on .*`gavel up`\n", done.stderr)


@pytest.mark.parametrize(
    "arguments", [["--nope"], ["nope"], ["restart"], ["up", "--ready-fd", "x"]]
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    """A wrong option, command or argument is exit code 2."""
    assert gavel(*arguments).returncode == 2


def test_commands_bear_the_names_of_the_table() -> None:
    """A command's own name is the one that it is called by."""
    context = click.Context(cli)
    for name in OFFERED:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
