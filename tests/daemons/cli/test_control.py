"""`gavel up`, `status`, `restart`, `reload` and `stop` as a person uses them, on a real store."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemons.cli.status import _console, _view

WAIT_S = 120.0
GAVEL = [sys.executable, "-m", "daemons.cli.main"]
#: The whole suite with free ports, and a sandbox that needs no rights here: nothing is judged.
CONFIG = """
[store]
listen = ""
[api]
listen = "127.0.0.1:0"
[gateway]
listen = "127.0.0.1:0"
[worker]
slots = 1
prepare = false
[sandbox]
grade = "reduced"
self_test = false
[problems]
dirs = []
"""


@pytest.fixture(scope="module")
def config() -> Iterator[Path]:
    """Give the configuration of a running suite: the real daemons."""
    with tempfile.TemporaryDirectory(prefix="gavel-up-") as folder:
        file = Path(folder, "supervisor.toml")
        file.write_text(CONFIG)
        ready, write = os.pipe()
        with Path(folder, "log").open("wb") as log:
            up = subprocess.Popen(
                [*GAVEL, "up", "--config", str(file), "--ready-fd", str(write)],
                stdout=log,
                stderr=log,
                pass_fds=[write],
            )
        os.close(write)
        try:
            with os.fdopen(ready, "rb") as line:
                assert select.select([line], [], [], WAIT_S)[0], Path(folder, "log").read_text()
                assert line.readline().startswith(b"ready api=http://127.0.0.1:")
            yield file
            assert gavel("stop", "--config", str(file)).stdout == "stopped\n"
            assert up.wait(WAIT_S) == 0
        finally:
            up.kill()
            up.wait()


def gavel(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [*GAVEL, *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def status(config: Path) -> dict[str, object]:
    """Return `gavel status --json`."""
    done = gavel("status", "--json", "--config", str(config))
    assert done.returncode == 0, done
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_status_has_the_promised_shape(config: Path) -> None:
    """The JSON status has the fields, names and types that other programs rely on."""
    answer = status(config)

    assert answer["ready"] is True
    assert list(answer["daemons"]) == ["store", "gateway", "worker", "api"]
    for daemon in answer["daemons"].values():
        assert daemon["state"] == "running"
        (one,) = daemon["instances"]
        assert one["pid"] > 0
        assert one["ready"] is True
        assert one["uptime_s"] > 0
        assert one["restarts"] >= 0
        assert one["last_exit"] is None
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", answer["daemons"]["api"]["listen"][0])
    assert answer["daemons"]["worker"]["listen"] == []
    assert answer["queue"] == {"depth": 0, "running": 0, "dead": 0}
    (worker,) = answer["workers"]
    assert set(worker) == {"name", "slots", "busy", "grade", "closed"}
    assert (worker["slots"], worker["busy"]) == (1, 0)


def test_status_for_people_is_a_table(config: Path) -> None:
    """Without --json people get a table, a line of the queue and one per worker."""
    done = gavel("status", "--config", str(config))

    assert done.returncode == 0
    for name in ("store", "gateway", "worker", "api"):
        assert re.search(rf"^ *{name} +running +\d+ +0:\d\d:\d\d +0 ", done.stdout, re.MULTILINE)
    assert "queue: 0 waiting, 0 running, 0 dead" in done.stdout
    assert "0 of 1 slots busy" in done.stdout


def test_second_up_is_refused(config: Path) -> None:
    """A second `gavel up` on the same control socket ends at once, in one line, with 1."""
    done = gavel("up", "--config", str(config))

    assert done.returncode == 1
    assert re.fullmatch(
        r"gavel: already running \(pid \d+\); end it with `gavel stop`\n", done.stderr
    )


def test_port_in_use_is_named(config: Path, tmp_path: Path) -> None:
    """An address that is taken is one line that names the key, before anything is started."""
    taken = status(config)["daemons"]["api"]["listen"][0]
    (tmp_path / "supervisor.toml").write_text(
        CONFIG.replace('[api]\nlisten = "127.0.0.1:0"', f'[api]\nlisten = "{taken}"')
    )

    done = gavel("up", "--config", str(tmp_path / "supervisor.toml"))

    assert done.returncode == 78
    assert done.stderr == f"gavel: [api] listen: {taken}: Address already in use\n"


def test_restart_brings_a_new_process(config: Path) -> None:
    """`gavel restart NAME` returns when the new process serves; the others are left alone."""
    before = status(config)["daemons"]

    done = gavel("restart", "gateway", "--config", str(config))

    after = status(config)["daemons"]
    assert (done.returncode, done.stdout) == (0, "gateway restarted\n")
    assert after["gateway"]["instances"][0]["pid"] != before["gateway"]["instances"][0]["pid"]
    assert after["api"]["instances"][0]["pid"] == before["api"]["instances"][0]["pid"]
    assert after["gateway"]["listen"] == before["gateway"]["listen"]
    restarts = [side["gateway"]["instances"][0]["restarts"] for side in (before, after)]
    assert restarts[1] == restarts[0] + 1


def test_restart_of_nobody_is_refused(config: Path) -> None:
    """A daemon that there is not is a mistake of the caller, told with the names that there are."""
    done = gavel("restart", "kitchen", "--config", str(config))

    assert done.returncode == 2
    assert "'kitchen' is not one of 'store', 'gateway', 'worker', 'api'" in done.stderr


def test_scale_lasts_until_a_reload(config: Path) -> None:
    """`gavel scale` runs so many processes; a reload goes back to the file's number."""
    done = gavel("scale", "gateway", "2", "--config", str(config))
    assert (done.returncode, done.stdout) == (0, "gateway: 1 -> 2 processes\n")
    assert len(status(config)["daemons"]["gateway"]["instances"]) == 2

    done = gavel("reload", "--config", str(config))

    assert (done.returncode, done.stdout) == (0, "gateway: 2 -> 1 processes\n")
    assert len(status(config)["daemons"]["gateway"]["instances"]) == 1


@pytest.mark.parametrize("arguments", [["store", "2"], ["worker", "0"], ["worker", "many"]])
def test_scale_to_nonsense_is_a_mistake(config: Path, arguments: list[str]) -> None:
    """A daemon of which there is one, and a number that is none, are mistakes of the caller."""
    assert gavel("scale", *arguments, "--config", str(config)).returncode == 2


def test_status_watches_until_interrupted(config: Path) -> None:
    """With --watch the table comes again and again, with rates; Ctrl-C ends it and is no failure."""
    screen, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(
        [*GAVEL, "status", "--watch", "--config", str(config)],
        stdin=terminal, stdout=terminal, stderr=terminal, env=environment,
    ) as watching:  # fmt: skip
        os.close(terminal)
        seen = b""
        while b"queued a second" not in seen:
            assert select.select([screen], [], [], WAIT_S)[0], seen
            seen += os.read(screen, 65536)
        watching.send_signal(signal.SIGINT)
        while select.select([screen], [], [], WAIT_S)[0]:
            try:
                seen += os.read(screen, 65536)
            except OSError:
                break
        code = watching.wait(WAIT_S)
    os.close(screen)

    assert code == 0
    for text in (b"gateway", b"running", b"0 waiting, 0 running", b"judged a second", b" MB"):
        assert text in seen
    assert b"Traceback" not in seen


def test_status_watches_for_people_alone(config: Path) -> None:
    """--watch and --json together are a mistake that is told."""
    done = gavel("status", "--watch", "--json", "--config", str(config))

    assert done.returncode == 2
    assert "--watch is for people" in done.stderr


def test_reload_that_fails_is_tried_again(config: Path) -> None:
    """What did not come up with a changed file goes on as it was, and the next reload tries again."""
    before = status(config)["daemons"]["api"]["instances"][0]["pid"]
    tokens = config.parent / "tokens"
    tokens.write_text("no tokens at all")
    config.write_text(CONFIG + f'[auth]\ntokens_file = "{tokens}"\n')
    try:
        done = gavel("reload", "--config", str(config))
        assert done.returncode == 1
        assert "did not get ready" in done.stderr
        assert "the old process goes on" in done.stderr
        assert status(config)["daemons"]["api"]["instances"][0]["pid"] == before
    finally:
        config.write_text(CONFIG)

    done = gavel("reload", "--config", str(config))

    assert (done.returncode, done.stdout) == (0, "gateway: restarted\napi: restarted\n")
    assert gavel("reload", "--config", str(config)).stdout == "nothing changed\n"


def test_reload_applies_the_differences(config: Path) -> None:
    """A reload changes what the file changes, and nothing else."""
    before = status(config)["daemons"]
    assert gavel("reload", "--config", str(config)).stdout == "nothing changed\n"

    config.write_text(CONFIG.replace("[gateway]\n", "[gateway]\nprocesses = 2\n"))
    done = gavel("reload", "--config", str(config))

    after = status(config)["daemons"]
    assert done.stdout == "gateway: 1 -> 2 processes\n"
    assert [len(after[name]["instances"]) for name in after] == [1, 2, 1, 1]
    assert after["gateway"]["instances"][0]["pid"] == before["gateway"]["instances"][0]["pid"]

    config.write_text(CONFIG.replace("[gateway]\n", "[gateway]\npong_s = 9\n"))
    done = gavel("reload", "--config", str(config))

    again = status(config)["daemons"]
    assert done.stdout == "gateway: 2 -> 1 processes\ngateway: restarted\n"
    assert len(again["gateway"]["instances"]) == 1
    assert again["api"]["instances"][0]["pid"] == before["api"]["instances"][0]["pid"]
    config.write_text(CONFIG)
    assert gavel("reload", "--config", str(config)).returncode == 0


def test_reload_moves_to_another_address(config: Path) -> None:
    """A changed address is bound, served, and shown."""
    before = status(config)["daemons"]["api"]["listen"]

    config.write_text(
        CONFIG.replace('[api]\nlisten = "127.0.0.1:0"', '[api]\nlisten = "localhost:0"')
    )
    done = gavel("reload", "--config", str(config))

    assert done.stdout == "api: restarted\n"
    assert status(config)["daemons"]["api"]["listen"] != before
    config.write_text(CONFIG)
    assert gavel("reload", "--config", str(config)).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[api]", "[api", "not TOML"),
        ("slots = 1", "slots = -1", "[worker] slots: Expected `int` >= 0"),
        ('[store]\nlisten = ""', '[store]\ndir = "x"', "[store] can't be changed"),
    ],
)
def test_bad_reload_is_refused_whole(config: Path, old: str, new: str, expected: str) -> None:
    """A file with an error, or that can't be applied, changes nothing and says where it is wrong."""
    before = status(config)["daemons"]
    config.write_text(CONFIG.replace(old, new).replace("[gateway]\n", "[gateway]\nprocesses = 2\n"))

    try:
        done = subprocess.run(
            [sys.executable, "-c", RELOAD, str(config.parent / "var/supervisor.sock")],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    finally:
        config.write_text(CONFIG)

    assert expected in done.stdout
    after = status(config)["daemons"]
    assert [len(after[name]["instances"]) for name in after] == [1, 1, 1, 1]
    assert after["gateway"]["instances"][0]["pid"] == before["gateway"]["instances"][0]["pid"]


#: Asks for a reload without reading the broken file itself, as `gavel reload` would.
RELOAD = """
import sys
from pathlib import Path
from daemons.supervisor.client import Client, Refused
with Client(Path(sys.argv[1])) as client:
    try:
        print(client.ask("reload"))
    except Refused as exc:
        print(exc)
"""


def test_status_says_which_slots_are_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """A slot in which an attack got through is named below its worker, with the row."""
    worker = {"name": "w", "busy": 0, "slots": 1, "grade": "full"}
    reason = "slot 1: row 38, new_namespaces"
    workers = [worker | {"closed": [reason]}]
    answer = {
        "daemons": {},
        "queue": None,
        "workers": workers,
        "store": None,
        "log": {"dropped_lines": 0},
    }
    _console().print(_view(answer))
    said = capsys.readouterr().out
    assert "worker w: 0 of 1 slots busy, full" in said
    assert f"closed, an attack got through: {reason}" in said
