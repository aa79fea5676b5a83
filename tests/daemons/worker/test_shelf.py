"""The shelf: entries that are whole or nothing, within their bound, the oldest used gone first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from daemons.worker.shelf import Shelf
from tests.daemons.worker.conftest import ROOT

KEYS = "abcdefgh"


def entries(folder: Path) -> set[str]:
    """Return the names of all files on the shelf."""
    return {path.name for path in folder.iterdir()}


def test_shelf_gives_back_what_was_kept(tmp_path: Path) -> None:
    """What is kept is there for this process and the next; what is not is nothing."""
    shelf = Shelf(tmp_path / "a" / "b", 1 << 20)
    shelf.keep("k", b"content")
    assert shelf.load("k") == b"content"
    assert Shelf(tmp_path / "a" / "b", 1 << 20).load("k") == b"content"
    assert shelf.load("other") is None
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


def test_shelf_takes_a_damaged_entry_for_nothing(tmp_path: Path) -> None:
    """A bit that flipped, or an end that is missing, is never a build; the entry goes."""
    shelf = Shelf(tmp_path, 1 << 20)
    for damage in (
        lambda data: data[:-1],
        lambda data: data[:40] + b"X" + data[41:],
        lambda _: b"",
    ):
        shelf.keep("k", b"content of the program")
        [path] = tmp_path.iterdir()
        path.write_bytes(damage(path.read_bytes()))
        assert shelf.load("k") is None
        assert entries(tmp_path) == set()


def test_shelf_lets_go_of_what_was_not_used_for_longest(tmp_path: Path) -> None:
    """Beyond the bound the oldest used go, those that were read meanwhile stay."""
    shelf = Shelf(tmp_path, 1100)
    for number, key in enumerate(KEYS):
        shelf.keep(key, b"x" * 100)
        os.utime(tmp_path / f"{key}.kept", (number, number))
    assert shelf.load("a") is not None
    shelf.keep("i", b"x" * 100)
    kept = {name[0] for name in entries(tmp_path)}
    assert {"a", "h", "i"} <= kept
    assert "b" not in kept
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1100


def test_shelf_is_cut_when_it_is_opened(tmp_path: Path) -> None:
    """A bound that became smaller, and what a killed process left half-written, are seen to."""
    shelf = Shelf(tmp_path, 1 << 20)
    for key in KEYS:
        shelf.keep(key, b"x" * 100)
    left = tmp_path / "0123.new"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    Shelf(tmp_path, 500)
    assert left.name not in entries(tmp_path)
    assert 0 < len(entries(tmp_path)) <= 5


def test_shelf_keeps_nothing_that_would_push_out_all_else(tmp_path: Path) -> None:
    """An entry above an eighth of the bound is not kept."""
    shelf = Shelf(tmp_path, 800)
    shelf.keep("k", b"x" * 101)
    assert entries(tmp_path) == set()


def test_shelf_that_can_not_write_goes_on(tmp_path: Path) -> None:
    """A folder that went away costs what would be kept, and no submission."""
    shelf = Shelf(tmp_path / "gone", 1000)
    (tmp_path / "gone").rmdir()
    shelf.keep("k", b"content")
    assert shelf.load("k") is None


WRITER = """
import sys
from pathlib import Path
from daemons.worker.shelf import Shelf
shelf = Shelf(Path(sys.argv[1]), 1 << 30)
content = bytes(4 << 20)
print("writing", flush=True)
while True:
    shelf.keep("k", content)
"""


def test_shelf_survives_kills_at_any_moment(tmp_path: Path) -> None:
    """Whatever kill -9 leaves, the entry is whole or not there."""
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
            while not any(path.suffix == ".new" for path in tmp_path.iterdir()):
                assert writer.poll() is None
            writer.send_signal(signal.SIGKILL)
        assert Shelf(tmp_path, 1 << 30).load("k") in (None, bytes(4 << 20))
