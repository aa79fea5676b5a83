"""The catalogue: broken packages keep no other from loading, and changes are picked up."""

import os
import shutil

import pytest

from judging.package import PackageError, load_problem, load_problems


def test_load_problems_keeps_the_good_and_tells_the_bad(packages):
    """A package that can't be judged is in `errors`, with the reason; the others are there."""
    packages.new(name="good")
    bad = packages.new({"problem.yaml": "type: submit-answer\n"}, name="bad")
    empty = packages.write({"notes.txt": "x"}, name="empty")
    packages.write({"x": ""}, name=".hidden")
    (packages.root / "README.md").write_text("not a package\n")
    catalogue = load_problems([packages.root])
    assert list(catalogue) == ["good"]
    assert catalogue["good"].title == "Echo"
    assert set(catalogue.errors) == {bad, empty}
    assert "type: submit-answer is not supported" in str(catalogue.errors[bad])
    with pytest.raises(KeyError):
        catalogue["bad"]


def test_load_problems_reads_several_directories(packages, tmp_path):
    """Each problem once: of two with the same name the first counts, and the second is told."""
    packages.root = tmp_path / "one"
    packages.root.mkdir()
    first = packages.new(name="echo")
    packages.root = tmp_path / "two"
    packages.root.mkdir()
    second = packages.new(name="echo")
    packages.new(name="another")
    catalogue = load_problems([tmp_path / "one", tmp_path / "two", tmp_path / "absent"])
    assert list(catalogue) == ["another", "echo"]
    assert catalogue["echo"].path == first
    assert set(catalogue.errors) == {second, tmp_path / "absent"}


def test_reload_picks_up_what_changed(packages):
    """New, changed and removed packages show after a reload; others stay the same."""
    packages.new(name="same")
    packages.new(name="changed")
    removed = packages.new(name="removed")
    catalogue = load_problems([packages.root])
    before = dict(catalogue)
    assert catalogue.reload() == ()

    packages.new(name="added")
    packages.new({"data/secret/01.ans": "other\n"}, name="changed")
    shutil.rmtree(removed)
    assert catalogue.reload() == ("added", "changed", "removed")
    assert list(catalogue) == ["added", "changed", "same"]
    assert catalogue["same"] is before["same"]
    assert catalogue["changed"].version != before["changed"].version


def test_reload_keeps_the_last_version_that_was_right(packages):
    """A package that can't be judged any more takes nothing away, and says why until it is mended."""
    package = packages.new()
    catalogue = load_problems([packages.root])
    good = catalogue["echo"]

    packages.new({"problem.yaml": packages.yaml("limits: {time_limit: [}\n")})
    assert catalogue.reload() == ()
    assert catalogue["echo"] is good
    assert str(catalogue.errors[package]).startswith(f"{package}/problem.yaml:4: ")

    packages.new({"problem.yaml": packages.yaml("limits: {time_limit: 9.5}\n")})
    assert catalogue.reload() == ("echo",)
    assert catalogue["echo"].limits.time_s == 9.5
    assert not catalogue.errors


def test_reload_leaves_alone_what_is_being_written(packages):
    """With `settled`, a package is read once it has not changed from one look to the next."""
    packages.new(name="echo")
    catalogue = load_problems([packages.root])
    for time_s, expected in ((7, ()), (18, ("new7",))):
        packages.new({"problem.yaml": packages.yaml(f"limits: {{time_limit: {time_s}}}\n")})
        packages.new({"data/secret/01.in": "b" * time_s}, name=f"new{time_s}")
        assert catalogue.reload(settled=True) == expected
        assert catalogue["echo"].limits.time_s not in (7, 18)
        assert f"new{time_s}" not in catalogue
    assert catalogue.reload(settled=True) == ("echo", "new18")
    assert catalogue["echo"].limits.time_s == 18


def test_reload_takes_nothing_that_changes_while_it_is_read(packages):
    """What was read is thrown away if the package is another by then: it may be half of each."""
    package = packages.new()
    interruptions = iter(("one more", "and another", None))

    def load(path):
        problem = load_problem(path)
        if (text := next(interruptions, None)) is not None:
            (package / "data/secret/01.ans").write_text(text)
        return problem

    catalogue = load_problems([packages.root], load)
    assert not catalogue
    assert "changed while it was read" in str(catalogue.errors[package])
    assert catalogue.reload() == ()
    assert catalogue.reload() == ("echo",)
    assert catalogue["echo"].version == load_problem(package).version
    assert not catalogue.errors


def test_reload_sees_every_way_to_change_a_file(packages):
    """In place with size and time as before, by another file in its place, by its hidden limit."""
    package = packages.legacy()
    catalogue = load_problems([packages.root])
    file = package / "data/secret/01.ans"
    about = file.stat()
    versions = {catalogue["echo"].version}

    def look():
        assert catalogue.reload() == ("echo",)
        versions.add(catalogue["echo"].version)

    # The next tick of the kernel's clock, by which it notes changes.
    while (package / "problem.yaml").stat().st_ctime_ns <= about.st_ctime_ns:
        (package / "problem.yaml").chmod(0o600)
    file.write_text("B\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    look()
    other = package / "data/other"
    other.write_text("C\n")
    os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
    other.rename(file)
    look()
    (package / ".timelimit").write_text("4\n")
    look()
    assert catalogue["echo"].limits.time_s == 4
    assert len(versions) == 4

    os.utime(file)
    assert catalogue.reload() == ()
    (package / ".echo.swp").write_text("an editor's")
    assert catalogue.reload() == ()


def test_reload_keeps_problems_whose_folder_is_away(packages, tmp_path):
    """A folder that can't be read may be back in a moment: its problems stay, the reason is told."""
    packages.root = tmp_path / "there"
    packages.root.mkdir()
    packages.new()
    catalogue = load_problems([packages.root])
    packages.root.rename(tmp_path / "away")
    assert catalogue.reload() == ()
    assert list(catalogue) == ["echo"]
    assert "No such file" in str(catalogue.errors[packages.root])
    (tmp_path / "away").rename(packages.root)
    assert catalogue.reload() == ()
    assert not catalogue.errors


def test_reload_tries_again_what_the_machine_refused(packages):
    """A full disk is no fault of the package: it is read at the next look, though nothing changed."""
    package = packages.new()
    failures = iter([OSError("no space"), None])

    def load(path):
        if (failure := next(failures, None)) is not None:
            raise PackageError(path, "no room") from failure
        return load_problem(path)

    catalogue = load_problems([packages.root], load)
    assert str(catalogue.errors[package]) == f"{package}: no room"
    assert catalogue.reload() == ("echo",)


def test_problem_in_hand_survives_a_reload(packages):
    """Whoever holds a problem keeps what it was, limits and all."""
    packages.new(name="echo")
    catalogue = load_problems([packages.root])
    problem = catalogue["echo"]
    packages.new({"problem.yaml": packages.yaml("limits: {time_limit: 9}\n")}, name="echo")
    catalogue.reload()
    assert problem.limits.time_s != 9
    assert catalogue["echo"].limits.time_s == 9
