"""Log files: bounded, whole lines, and a full disk costs nothing but lines."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from daemons.config import Config, ConfigError, Supervisor
from daemons.supervisor import log_files
from daemons.supervisor.log_files import (
    WAITING_BYTES,
    LogFile,
    LogFiles,
    Rotation,
    rotation_of,
)
from daemons.supervisor.merged_log import MergedLog

WAIT_S = 120.0


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text().splitlines()


def test_log_file_is_put_aside_when_it_has_grown(tmp_path: Path) -> None:
    """Each file keeps its bound, so many are kept, and no line is cut or lost before that."""
    file = LogFile("api", Rotation(tmp_path, max_bytes=30, keep=2))

    for number in range(100, 112):
        file.write_line(f"line {number}")
    file.close()

    assert sorted(each.name for each in tmp_path.iterdir()) == ["api.log", "api.log.1", "api.log.2"]
    kept = [
        line for name in ("api.log.2", "api.log.1", "api.log") for line in lines_of(tmp_path / name)
    ]
    assert kept == [f"line {number}" for number in range(103, 112)]
    assert all(each.stat().st_size <= 30 for each in tmp_path.iterdir())


def test_log_file_without_keep_starts_over(tmp_path: Path) -> None:
    """With nothing to keep, a full file is begun anew."""
    file = LogFile("api", Rotation(tmp_path, max_bytes=12, keep=0))

    for number in range(5):
        file.write_line(f"line {number}")
    file.close()

    assert [each.name for each in tmp_path.iterdir()] == ["api.log"]
    assert lines_of(tmp_path / "api.log") == ["line 4"]


def test_log_file_goes_on_where_it_was(tmp_path: Path) -> None:
    """A new process appends, and counts what is already there."""
    for number in range(3):
        file = LogFile("api", Rotation(tmp_path, max_bytes=14, keep=1))
        file.write_line(f"line {number}")
        file.close()

    assert lines_of(tmp_path / "api.log.1") == ["line 0", "line 1"]
    assert lines_of(tmp_path / "api.log") == ["line 2"]


def test_log_file_takes_a_line_longer_than_itself(tmp_path: Path) -> None:
    """A line that no file could hold is written all the same, alone."""
    file = LogFile("api", Rotation(tmp_path, max_bytes=4, keep=1))

    file.write_line("long line")
    file.write_line("another")
    file.close()

    assert lines_of(tmp_path / "api.log.1") == ["long line"]
    assert lines_of(tmp_path / "api.log") == ["another"]


def test_log_file_without_its_folder_drops_and_comes_back(tmp_path: Path) -> None:
    """A folder that has gone costs lines, and the count stands before the next line."""
    folder = tmp_path / "gone"
    file = LogFile("api", Rotation(folder, max_bytes=1000, keep=1))
    file.write_line("lost")
    folder.mkdir()

    file.write_line("kept")
    file.close()

    assert lines_of(folder / "api.log") == ['{"daemon": "api", "dropped_lines": 1}', "kept"]
    assert file.dropped_total == 1


def test_rotation_names_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder for log files that can't be is a configuration error; none at all is the default."""
    (tmp_path / "file").touch()
    config = Config(supervisor=Supervisor(log_dir="file/log"), base=str(tmp_path), file="x.toml")

    with pytest.raises(ConfigError, match=r"x.toml: \[supervisor\] log_dir: .*/file/log: "):
        rotation_of(config)
    assert rotation_of(Config()) is None
    made = rotation_of(msgspec.structs.replace(config, supervisor=Supervisor(log_dir="a/b")))
    assert made == Rotation(tmp_path / "a/b", 20971520, 5)
    assert (tmp_path / "a/b").is_dir()


def test_log_changes_its_files_on_demand(tmp_path: Path) -> None:
    """After `use` lines go to the new files; what was dropped before still counts."""
    with Path(os.devnull).open("wb") as nowhere:
        log = MergedLog(nowhere.fileno(), Rotation(tmp_path / "gone", 1000, 1))
        log.write("api", "lost")

        log.use(Rotation(tmp_path, 1000, 1))
        log.write("api", "kept")
        log.write("api", '{"event": "as it is"}')
        log.use(None)
        log.write("api", "nowhere")
        log.close()

    wrapped, event = lines_of(tmp_path / "api.log")
    assert json.loads(wrapped)["event"] == "kept"
    assert event == '{"event": "as it is"}'
    assert log.dropped_lines == 1


def test_log_files_on_a_hanging_disk_hold_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that nobody opens hangs as a dead disk does: so much waits, the rest is counted.

    What waited is written when the disk answers again, and the file says how many lines it lacks.
    """
    monkeypatch.setattr(log_files, "CLOSE_S", WAIT_S)
    os.mkfifo(tmp_path / "api.log")
    files = LogFiles(Rotation(tmp_path, 1 << 30, 1))
    line = "x" * 1023
    for _ in range(WAITING_BYTES // len(line) + 100):
        files.write_line("api", line)
    # The one that hangs waits no more.
    dropped = files.dropped_total
    assert 98 <= dropped <= 100

    with subprocess.Popen(["cat", tmp_path / "api.log"], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        # The second has left those that wait, so there is room for one more.
        assert [reader.stdout.readline() for _ in range(2)] == [line.encode() + b"\n"] * 2
        files.write_line("api", "the last")
        closing = threading.Thread(target=files.close)
        closing.start()
        rest = reader.stdout.read().splitlines()
        closing.join()

    # In one place or in two: the line that hangs may have left room for one more only later.
    notes = [json.loads(each)["dropped_lines"] for each in rest if each.startswith(b"{")]
    assert sum(notes) == dropped
    assert rest[-1] == b"the last"
    assert files.dropped_total == dropped


def test_log_files_that_hang_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """Closing waits a moment for the disk, and then counts what it leaves behind."""
    os.mkfifo(tmp_path / "api.log")
    log = MergedLog(os.open(os.devnull, os.O_WRONLY), Rotation(tmp_path, 4096, 1))
    for _ in range(3):
        log.write("api", "never written")

    log.close()

    assert log.dropped_lines == 3
    # Lets the thread go.
    os.close(os.open(tmp_path / "api.log", os.O_RDONLY | os.O_NONBLOCK))


#: Fills a file system of 64 kB with the log, makes room, and writes on.
FILL = """
import json, sys
from pathlib import Path
from daemons.supervisor.log_files import LogFile, Rotation
folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(bytes(16384))
file = LogFile("api", Rotation(folder, max_bytes=1 << 20, keep=1))
for number in range(1000):
    file.write_line(json.dumps({"event": "x" * 90, "number": number}))
dropped = file.dropped_total
whole = [json.loads(line)["number"] for line in (folder / "api.log").read_text().splitlines()]
ballast.unlink()
file.write_line(json.dumps({"event": "room again"}))
print(json.dumps([dropped, whole, (folder / "api.log").read_text().splitlines()[-2:]]))
"""


def test_log_file_survives_a_full_disk(tmp_path: Path) -> None:
    """On a full file system lines are dropped whole and counted, and nothing fails or waits."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)]
    fill = [sys.executable, "-c", FILL, str(tmp_path)]
    command = f"{shlex.join(mount)} && exec {shlex.join(fill)}"

    # A mount of our own, for root and for an ordinary user; it goes with the process.
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command],
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    dropped, whole, last = json.loads(done.stdout)
    assert 0 < len(whole) < 1000
    assert whole == list(range(len(whole)))
    assert dropped == 1000 - len(whole)
    assert [json.loads(line) for line in last] == [
        {"daemon": "api", "dropped_lines": dropped},
        {"event": "room again"},
    ]
