"""Functions: what may be declared, what the harness is told, and what counts as a reply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judging.errors import PackageError
from judging.function import Function, Parameter, read_function


def declared(folder: Path, text: str) -> Function | None:
    """Read *text* as a `function.yaml`."""
    (folder / "function.yaml").write_text(text)
    return read_function(folder / "function.yaml")


def returning(type_: str, **options: Any) -> Function:
    """Return a function of one number that returns *type_*."""
    return Function("f", (Parameter("n", "int"),), type_, **options)


def reply(text: str) -> bytes:
    """Return a reply as a harness writes it."""
    return f"{len(text)}\n{text}\n".encode()


def test_signature_is_read(tmp_path: Path) -> None:
    """Names and types of the parameters, in order, and what else the file says."""
    text = 'signature: "twoSum(nums: int[],target : int) -> int[]"\nany_order: true\n'
    parameters = (Parameter("nums", "int[]"), Parameter("target", "int"))
    assert declared(tmp_path, text) == Function("twoSum", parameters, "int[]", any_order=True)
    assert read_function(tmp_path / "none.yaml") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("signature: f\n", "signature: expected one like"),
        ('signature: "f(a: number) -> int"\n', "expected NAME: TYPE, got 'a: number'"),
        ('signature: "f(a: int[][][]) -> int"\n', "expected NAME: TYPE"),
        ('signature: "f(a: int, a: int) -> int"\n', "each with a name of its own"),
        ('signature: "f() -> int"\n', "expected parameters"),
        ('signature: "f(a: int) -> int"\nany_order: true\n', "any_order: expected"),
        ('signature: "f(a: int) -> int"\norder: 1\n', "order: unknown key"),
        ("", "signature: expected one like"),
    ],
)
def test_what_is_no_signature_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """The error names the file, the key and what was expected."""
    with pytest.raises(PackageError) as raised:
        declared(tmp_path, text)
    assert problem in str(raised.value)
    assert "function.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("int", -5, "-5"),
        ("long", 2**53 - 1, str(2**53 - 1)),
        ("float", 1, "1.0"),
        ("bool", True, "1"),
        ("string", "hé\n", "3 104 233 10"),
        ("int[][]", [[1], []], "2 1 1 0"),
        ("ListNode", [1, 2], "2 1 2"),
        ("TreeNode", [1, None, 2], "3 1 1 0 1 2"),
        ("TreeNode", [], "0"),
    ],
)
def test_message_is_numbers(type_: str, value: Any, words: str) -> None:
    """Every type becomes decimal numbers, and these are read back as the same value."""
    function = Function("f", (Parameter("a", type_),), type_)
    text = json.dumps(value).encode()
    assert function.message(text) == f"{words}\n".encode()
    assert function.check(reply(words), text).accepted


@pytest.mark.parametrize(
    ("type_", "line", "problem"),
    [
        ("int", "2147483648", "expected int"),
        ("int", "1.0", "expected int"),
        ("int", "true", "expected int"),
        ("long", str(2**53), "expected long"),
        ("float", "NaN", "NaN is no JSON"),
        ("float", "1e999", "expected float"),
        ("bool", "1", "expected bool"),
        ("string", "[]", "expected a string"),
        ("int[]", "3", "expected an array"),
        ("TreeNode", "[null]", "the empty one is"),
        ("TreeNode", "[1, null, null, 2]", "more places"),
        ("int", "1\n2", "expected 1 lines"),
        ("int", "{", "Expecting property name"),
    ],
)
def test_input_that_does_not_fit_is_refused(type_: str, line: str, problem: str) -> None:
    """A package with such a test does not load."""
    with pytest.raises(ValueError, match=problem):
        Function("f", (Parameter("a", type_),), "int").message(line.encode())


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"3\n",
        b"1\n3",
        b"1\n3\n\n",
        b"1\n3\n1\n3\n",
        b"x1\n3\n",
        b"3\n3 4\n",
        b"0\n\n",
        b"2\n3\n",
        b"-1\n3\n",
        b"1\nx\n",
        b"3\n3.0\n",
        b"99999999999\n3\n",
        b"5\n0x3 \n",
    ],
)
def test_only_one_whole_message_is_a_reply(output: bytes) -> None:
    """Nothing, a part, twice, noise before or behind: none of it scores, and none of it raises."""
    assert returning("int").check(b"1\n3\n", b"3").accepted
    found = returning("int").check(output, b"3")
    assert not found.accepted
    assert found.feedback is not None
    assert "nothing to read" in found.feedback


@pytest.mark.parametrize("type_", ["int[]", "string", "ListNode", "TreeNode", "int[][]"])
def test_promise_of_more_costs_no_memory(type_: str) -> None:
    """A count without its elements ends with the words, whatever it says."""
    assert (
        not returning(type_)
        .check(reply("99999999999999999999"), b"[]" if type_ != "string" else b'""')
        .accepted
    )


@given(st.binary(max_size=60))
def test_no_output_raises(noise: bytes) -> None:
    """Whatever a program writes is a reply or none."""
    for type_, answer in (
        ("int[][]", b"[]"),
        ("string", b'""'),
        ("TreeNode", b"[]"),
        ("float", b"0"),
    ):
        returning(type_).check(noise, answer)
        returning(type_).check(b"%d\n%b\n" % (len(noise), noise), answer)


def test_floats_are_compared_with_tolerance() -> None:
    """Near is right, far and what is no number is wrong."""
    function = returning("float", float_tolerance=1e-6)
    assert function.check(reply("1000000.5"), b"1000000").accepted
    assert not function.check(reply("1000002"), b"1000000").accepted
    assert not function.check(reply("nan"), b"1").accepted
    assert not function.check(reply("inf"), b"1").accepted


def test_order_counts_unless_any_will_do() -> None:
    """The elements of an array, not those of arrays inside it."""
    answer = b"[[1,2],[3]]"
    assert not returning("int[][]").check(reply("2 1 3 2 1 2"), answer).accepted
    assert returning("int[][]", any_order=True).check(reply("2 1 3 2 1 2"), answer).accepted
    assert not returning("int[][]", any_order=True).check(reply("2 1 3 2 2 1"), answer).accepted


def test_feedback_says_both_values() -> None:
    """As JSON, and no more of them than people read."""
    found = returning("int[]").check(reply("2 1 0"), b"[0, 1]")
    assert found.feedback == "expected [0,1], got [1,0]"
    long = returning("int[]").check(reply("0"), json.dumps([1] * 1000).encode())
    assert long.feedback is not None
    assert len(long.feedback) < 300
