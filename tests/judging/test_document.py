"""YAML files: what is read, and where errors point to."""

import re

import pytest

from judging.document import read_document
from judging.errors import PackageError


def read(tmp_path, text):
    """Read *text* as a file."""
    file = tmp_path / "x.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(file)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_read_document_takes_nothing_for_no_keys(tmp_path, text):
    """An empty file is an empty mapping, and so is one that is not there."""
    assert list(read(tmp_path, text)) == []
    assert list(read_document(tmp_path / "absent.yaml")) == []


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given a second time"),
        ("x:\n  a: 1\n  a: 2\n", 3, "key 'a' is given a second time"),
        ("a: [1\n", 2, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("- a\n", 1, "expected a mapping"),
        ("1: a\n", 1, "expected a string as key, got 1"),
        ("a: !!python/object/apply:os.system [true]\n", 1, "could not determine a constructor"),
        (b"a: \xff\n", None, "not UTF-8: invalid start byte at byte 3"),
        ("a: 2025-13-32\n", None, "not YAML: month must be in 1..12"),
        ("a: " + "[" * 1000, None, "not YAML"),
        ("a: \x01\n", None, "not YAML"),
    ],
)
def test_read_document_tells_what_is_wrong_and_where(tmp_path, text, line, problem):
    """Nothing that can be in a file gets out as another error, and the line is told if known."""
    with pytest.raises(PackageError, match=re.escape(problem)) as raised:
        read(tmp_path, text)
    assert raised.value.line == line
    place = f"{tmp_path / 'x.yaml'}:{line}: " if line else f"{tmp_path / 'x.yaml'}: "
    assert str(raised.value).startswith(place)


def test_read_document_lets_a_key_override_a_merged_one(tmp_path):
    """`<<` brings in defaults; saying otherwise beside it is no repetition."""
    document = read(tmp_path, "base: &b\n  x: one\n  y: two\nown:\n  <<: *b\n  x: three\n")
    own = document.section("own")
    assert (own.text("x"), own.text("y")) == ("three", "two")


@pytest.mark.parametrize(
    ("method", "value", "problem"),
    [
        ("text", "1", "a: expected a string (with quotes around it), got 1"),
        ("number", "x", "a: expected a number, got 'x'"),
        ("number", "true", "a: expected a number, got True"),
        ("number", "0", "a: expected a number > 0, got 0"),
        ("number", ".inf", "a: expected a number > 0, got inf"),
        ("number", ".nan", "a: expected a number > 0, got nan"),
        ("words", "{b: 1}", "a: expected a list of strings, got {'b': 1}"),
        ("strings", "x y", "a: expected a list of strings, got 'x y'"),
        ("strings", "[[x]]", "a: expected a list of strings, got [['x']]"),
        ("section", "[x]", "a: expected a mapping, got ['x']"),
    ],
)
def test_section_refuses_values_of_another_kind(tmp_path, method, value, problem):
    """A value is what the key wants, or an error with key and line."""
    document = read(tmp_path, f"# first\na: {value}\n")
    with pytest.raises(PackageError, match=re.escape(problem)) as raised:
        getattr(document, method)("a")
    assert raised.value.line == 2


def test_section_reads_values(tmp_path):
    """Each kind of value, and what stands for a key that is not there."""
    document = read(tmp_path, "s: x\nn: 1.5\nw: a b\nl: [a, 1, 2.5]\nm: {k: v}\nnothing:\n")
    assert document.text("s") == "x"
    assert document.number("n") == 1.5
    assert document.words("w") == ("a", "b")
    assert document.strings("l") == ("a", "1", "2.5")
    assert document.section("m").text("k") == "v"
    assert "nothing" not in document
    absent = [
        document.text("x"),
        document.number("x"),
        document.words("x"),
        list(document.section("x")),
    ]
    assert absent == ["", None, (), []]


def test_section_refuses_keys_that_nobody_asked_for(tmp_path):
    """A key that is misspelt is an error that names the likely one, not passed over."""
    document = read(tmp_path, "limits:\n  memory: 1\n  time_limt: 2\n")
    limits = document.section("limits")
    limits.number("memory")
    limits.number("time_limit")
    with pytest.raises(
        PackageError, match=r"limits.time_limt: unknown key; did you mean time_limit\?"
    ) as raised:
        limits.refuse_unknown()
    assert raised.value.line == 3
