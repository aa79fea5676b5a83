"""The arguments of the default output validator."""

import pytest

from judging.checkers.flags import ValidatorFlags, parse_flags


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        ("", ValidatorFlags()),
        ("case_sensitive", ValidatorFlags(case_sensitive=True)),
        ("space_change_sensitive", ValidatorFlags(space_change_sensitive=True)),
        (
            "float_tolerance 1e-6",
            ValidatorFlags(float_absolute_tolerance=1e-6, float_relative_tolerance=1e-6),
        ),
        ("float_absolute_tolerance 0", ValidatorFlags(float_absolute_tolerance=0.0)),
        (
            "float_relative_tolerance .5 case_sensitive float_absolute_tolerance 2",
            ValidatorFlags(
                case_sensitive=True, float_absolute_tolerance=2.0, float_relative_tolerance=0.5
            ),
        ),
    ],
)
def test_parse_flags_reads_what_the_format_knows(arguments, flags):
    """Every argument of the format, alone and together, in any order."""
    assert parse_flags(arguments.split()) == flags


@pytest.mark.parametrize(
    "arguments",
    [
        "case_insensitive",
        "float_tolerance",
        "float_tolerance x",
        "float_tolerance -1",
        "float_tolerance nan",
        "float_tolerance inf",
        "float_tolerance 1e-6 float_tolerance 1e-6",
        "float_tolerance 1e-6 float_absolute_tolerance 1e-6",
    ],
)
def test_parse_flags_refuses_the_rest(arguments):
    """Unknown, repeated or senseless arguments would judge otherwise than the author meant."""
    with pytest.raises(ValueError, match=r"float_|expected one of"):
        parse_flags(arguments.split())
