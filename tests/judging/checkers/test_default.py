"""The default output validator, on the cases that go wrong elsewhere, and against a slow model."""

import mmap
import re
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from judging.checkers import default
from judging.checkers.default import check
from judging.checkers.flags import ValidatorFlags, parse_flags

FLOATS = ValidatorFlags(float_absolute_tolerance=1e-6, float_relative_tolerance=1e-6)


def accepts(output, answer, arguments=""):
    """Check with the arguments as a package writes them."""
    return check(output, answer, parse_flags(arguments.split())).accepted


@pytest.mark.parametrize(
    ("output", "answer", "accepted"),
    [
        (b"", b"", True),
        (b"1 2\n", b"1 2\n", True),
        (b"1 2", b"1 2\n", True),
        (b"\n\n1\t2 \r\n", b"1 2\n", True),
        (b"1\x0b2\x0c", b"1 2", True),
        (b"YES", b"yes", True),
        (b"1 2 3", b"1 2", False),
        (b"1", b"1 2", False),
        (b"", b"1", False),
        (b"1", b"", False),
        (b"  \n", b"", True),
        (b"12", b"1 2", False),
        (b"1.0", b"1", False),
        (b"01", b"1", False),
        (b"\xff\x00\x80", b"\xff\x00\x80", True),
        (b"\xff\x00\x81", b"\xff\x00\x80", False),
        (b"a\x00b", b"a\x00c", False),
        # Bytes, not characters: only A-Z have another case, and only six bytes are white space.
        ("É".encode(), "é".encode(), False),
        ("a\u00a0b".encode(), b"a b", False),
        (b"a\x85b", b"a b", False),
        (b"a\x1cb", b"a b", False),
    ],
)
def test_check_compares_tokens(output, answer, accepted):
    """By default white space only separates, case is alike, and numbers are text."""
    assert accepts(output, answer) is accepted


def test_check_case_sensitive():
    """With `case_sensitive` every byte counts."""
    assert not accepts(b"YES", b"yes", "case_sensitive")
    assert accepts(b" yes", b"yes", "case_sensitive")


@pytest.mark.parametrize(
    ("output", "answer", "accepted"),
    [
        (b"a b\n", b"a b\n", True),
        (b"A b\n", b"a b\n", True),
        (b"a b", b"a b\n", False),
        (b"a b\n\n", b"a b\n", False),
        (b"a  b\n", b"a b\n", False),
        (b"a\tb\n", b"a b\n", False),
        (b" a b\n", b"a b\n", False),
        (b"a b\r\n", b"a b\n", False),
        (b" ", b"", False),
    ],
)
def test_check_space_change_sensitive(output, answer, accepted):
    """With `space_change_sensitive` any difference in white space is wrong, also at the ends."""
    assert accepts(output, answer, "space_change_sensitive") is accepted


@pytest.mark.parametrize(
    ("output", "answer", "accepted"),
    [
        (b"1.0000005", b"1", True),
        (b"1.00001", b"1", False),
        (b"3.14000000e-2", b"0.0314", True),
        (b"+.5", b"5E-1", True),
        (b"5.", b"5", True),
        (b"-0", b"0", True),
        (b"1000000.9", b"1000000", True),  # relative
        (b"0.0000009", b"0", True),  # absolute
        (b"0.0000011", b"0", False),
        (b"nan", b"1", False),
        (b"nan", b"nan", True),  # as text
        (b"NaN", b"nan", True),
        (b"inf", b"1e308", False),
        (b"-inf", b"inf", False),
        (b"infinity", b"inf", False),
        (b"1e999", b"1e998", False),  # too large for a double: text
        (b"1e999", b"1", False),
        (b"0x1p0", b"1", False),
        (b"1_0", b"10", False),  # Python would read it
        (b"1,0", b"1.0", False),
        (b"1e", b"1", False),
        (b".", b"0", False),
        (b"", b"0", False),
        (b"one", b"1", False),
        (b"abc", b"ABC", True),
        ("\u0661".encode(), b"1", False),  # a digit, but not ours
        (b"0." + b"3" * 5000, b"0." + b"3" * 40, True),
        (b"9" * 400, b"9" * 400, True),
        (b"x 1.0000001 y", b"x 1 y", True),
    ],
)
def test_check_floats(output, answer, accepted):
    """With a tolerance, numbers of the answer are compared as numbers, the rest as text."""
    assert check(output, answer, FLOATS).accepted is accepted


def test_check_float_tolerances_are_apart():
    """Absolute and relative tolerance each stand alone, and either is enough."""
    assert accepts(b"1000001", b"1000000", "float_relative_tolerance 1e-6")
    assert not accepts(b"1000001", b"1000000", "float_absolute_tolerance 1e-6")
    assert accepts(b"0.000001", b"0", "float_absolute_tolerance 1e-6")
    assert not accepts(b"0.000001", b"0", "float_relative_tolerance 1e-6")
    both = "float_relative_tolerance 1e-9 float_absolute_tolerance 0.5"
    assert accepts(b"10.4", b"10", both)


def test_check_floats_mind_the_space_when_told_to():
    """Tolerance for numbers is none for white space."""
    flags = "float_tolerance 1e-6 space_change_sensitive"
    assert accepts(b"1.0000001 2\n", b"1 2\n", flags)
    assert not accepts(b"1.0000001  2\n", b"1 2\n", flags)


@pytest.mark.parametrize(
    ("output", "answer", "arguments", "feedback"),
    [
        (b"1\n2 3\n", b"1\n2 4\n", "", 'token 3 (line 2): expected "4", got "3"'),
        (b"1\n", b"1 2\n", "", 'token 2 (line 2): expected "2", but the output ends'),
        (b"", b"7", "", 'token 1 (line 1): expected "7", but the output ends'),
        (b"1\n\n2\n", b"1\n", "", 'token 2 (line 3): expected the end of the output, got "2"'),
        (b"YES\n", b"no\n", "", 'token 1 (line 1): expected "no", got "yes"'),
        (b"a\xff", b"b", "", 'token 1 (line 1): expected "b", got "a\\xff"'),
        (b"1  2", b"1 2", "space_change_sensitive", 'piece 2 (line 1): expected " ", got "  "'),
        (b"1", b"1\n", "space_change_sensitive", '(line 1): expected "\\n", but the output ends'),
        (b"1.1", b"1", "float_tolerance 1e-3", 'token 1 (line 1): expected "1", got "1.1"'),
        (b"x" * 1000, b"y", "", 'expected "y", got "' + "x" * 60 + '..."'),
    ],
)
def test_check_tells_the_first_difference(output, answer, arguments, feedback):
    """Feedback says where, what was expected and what came, shortened and readable."""
    assert check(output, answer, parse_flags(arguments.split())).feedback.endswith(feedback)


def test_check_accepted_has_no_feedback():
    """There is nothing to say about a right output."""
    assert check(b"1", b"1\n").feedback is None


@pytest.fixture
def small_blocks(monkeypatch):
    """Make a block a few bytes long, so that short texts have many borders."""
    monkeypatch.setattr(default, "BLOCK_BYTES", 3)


TOKEN = re.compile(rb"[^ \t\n\v\f\r]+")
FLOAT = re.compile(rb"[+-]?([0-9]*\.[0-9]+|[0-9]+\.|[0-9]+)([eE][+-]?[0-9]+)?")


def model(output, answer, flags):
    """Decide the same, slowly and plainly."""
    pattern = (
        re.compile(rb"[ \t\n\v\f\r]+|[^ \t\n\v\f\r]+") if flags.space_change_sensitive else TOKEN
    )
    got, expected = pattern.findall(output), pattern.findall(answer)
    return len(got) == len(expected) and all(map(same(flags), got, expected))


def same(flags):
    """Return how the model compares two tokens."""

    def compare(got, expected):
        if flags.compares_floats and FLOAT.fullmatch(expected) and abs(float(expected)) < 1e300:
            if not FLOAT.fullmatch(got):
                return False
            error = abs(float(got) - float(expected))
            absolute = flags.float_absolute_tolerance
            relative = flags.float_relative_tolerance
            return (absolute is not None and error <= absolute) or (
                relative is not None and error <= relative * abs(float(expected))
            )
        if flags.case_sensitive:
            return got == expected
        return got.lower() == expected.lower()

    return compare


PIECES = st.sampled_from(
    [
        b" ",
        b"\n",
        b"\r\n",
        b"\t",
        b"\x0b",
        b"a",
        b"A",
        b"b",
        b"1",
        b"1.0",
        b"1.5",
        b"-",
        b"e1",
        b".",
        b"\xff",
        b"\0",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map(b"".join)
TOLERANCES = st.sampled_from([None, 0.0, 0.25, 1.0])
FLAGS = st.builds(ValidatorFlags, st.booleans(), st.booleans(), TOLERANCES, TOLERANCES)


@given(TEXTS, TEXTS, FLAGS)
@example(b"1.0", b"1.5", ValidatorFlags(float_relative_tolerance=0.25))
def test_check_agrees_with_the_model(output, answer, flags):
    """Whatever the texts and flags, the fast way and the plain way come to the same."""
    assert check(output, answer, flags).accepted == model(output, answer, flags)


@pytest.mark.usefixtures("small_blocks")
def test_check_agrees_with_the_model_across_blocks():
    """Where blocks begin and end makes no difference."""

    @given(TEXTS, TEXTS, FLAGS)
    def agrees(output, answer, flags):
        assert check(output, answer, flags).accepted == model(output, answer, flags)

    agrees()


@pytest.mark.usefixtures("small_blocks")
def test_check_places_a_difference_across_blocks():
    """The place of the first difference is counted from the beginning, not from its block."""

    @given(
        st.lists(st.sampled_from([b"a", b"bb", b"cccc", b"12"]), min_size=1, max_size=12), st.data()
    )
    def places(tokens, data):
        at = data.draw(st.integers(0, len(tokens) - 1))
        wrong = [*tokens[:at], b"X", *tokens[at + 1 :]]
        feedback = check(b"\n".join(wrong), b" ".join(tokens)).feedback
        assert feedback.startswith(f"token {at + 1} (line {at + 1}): ")

    places()


@given(TEXTS, FLAGS)
def test_check_accepts_the_answer_itself(text, flags):
    """No flag refuses an output that is the answer byte for byte."""
    assert check(text, text, flags).accepted


def test_check_reads_a_mapped_file(tmp_path):
    """A side may be an mmap, so that it never has to be in memory as a whole."""
    file = tmp_path / "out"
    file.write_bytes(b"1 2 3\n" * 1000)
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        assert check(text, b"1 2 3\n" * 1000).accepted
        assert check(text, b"1 2 3\n" * 999).feedback.startswith("token 2998 (line 1000): ")


@pytest.mark.parametrize("flags", [ValidatorFlags(), FLOATS])
def test_check_memory_does_not_grow_with_the_output(flags):
    """Eight times as much output takes no more memory than a few blocks."""
    peaks = []
    for size in (2_000_000, 16_000_000):
        output, answer = b"1 " * (size // 2), b"1\n" * (size // 2)
        tracemalloc.start()
        assert check(output, answer, flags).accepted
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
    assert peaks[1] < 100 * default.BLOCK_BYTES


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (b"1" * 5_000_000 + b"x", b"1" * 5_000_000 + b"y"),
        (b"+" * 5_000_000, b"1"),
        (b"1." * 2_500_000, b"1"),
        (b" " * 5_000_000, b"1"),
        (b"1e" * 2_500_000, b"1e5"),
    ],
)
def test_check_is_linear_on_what_makes_patterns_slow(output, answer):
    """Five megabytes of nearly a number are refused at once; quadratic time would take hours."""
    assert not check(output, answer, FLOATS).accepted
