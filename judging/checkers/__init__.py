"""Output validators: is this output right for this test?"""

from judging.checkers.default import Check, check
from judging.checkers.flags import ValidatorFlags, parse_flags

__all__ = ["Check", "ValidatorFlags", "check", "parse_flags"]
