"""The catalogue: broken packages keep no other from loading, and changes are picked up."""

import shutil

import pytest

from judging.package import load_problems


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
    """New, changed, broken, mended and removed packages show after a reload; others stay the same."""
    packages.new(name="same")
    packages.new(name="changed")
    removed = packages.new(name="removed")
    broken = packages.new(name="broken")
    catalogue = load_problems([packages.root])
    before = dict(catalogue)
    assert catalogue.reload() == ()

    packages.new(name="added")
    packages.new({"data/secret/01.ans": "other\n"}, name="changed")
    packages.new({"problem.yaml": "type: submit-answer\n"}, name="broken")
    shutil.rmtree(removed)
    assert catalogue.reload() == ("added", "broken", "changed", "removed")
    assert list(catalogue) == ["added", "changed", "same"]
    assert catalogue["same"] is before["same"]
    assert catalogue["changed"].version != before["changed"].version
    assert set(catalogue.errors) == {broken}

    packages.new(name="broken")
    assert catalogue.reload() == ("broken",)
    assert not catalogue.errors


def test_problem_in_hand_survives_a_reload(packages):
    """Whoever holds a problem keeps what it was, limits and all."""
    packages.new(name="echo")
    catalogue = load_problems([packages.root])
    problem = catalogue["echo"]
    packages.new({"problem.yaml": packages.yaml("limits: {time_limit: 9}\n")}, name="echo")
    catalogue.reload()
    assert problem.limits.time_s != 9
    assert catalogue["echo"].limits.time_s == 9
