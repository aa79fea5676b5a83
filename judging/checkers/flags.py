"""The arguments of the default output validator, as packages write them.

Source: problem package format, "Default output validator specification".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SWITCHES = ("case_sensitive", "space_change_sensitive")
_TOLERANCES = {
    "float_tolerance": ("float_absolute_tolerance", "float_relative_tolerance"),
    "float_absolute_tolerance": ("float_absolute_tolerance",),
    "float_relative_tolerance": ("float_relative_tolerance",),
}


@dataclass(frozen=True, slots=True)
class ValidatorFlags:
    """How an output is compared. By default: token by token, upper and lower case alike.

    A tolerance of None means that there is none of this kind; with both at None, numbers are
    compared as text. (`float_tolerance` sets both.)
    """

    case_sensitive: bool = False
    space_change_sensitive: bool = False
    float_absolute_tolerance: float | None = None
    float_relative_tolerance: float | None = None

    @property
    def compares_floats(self) -> bool:
        """Whether numbers are compared as numbers."""
        return (
            self.float_absolute_tolerance is not None or self.float_relative_tolerance is not None
        )


def parse_flags(arguments: Sequence[str]) -> ValidatorFlags:
    """Read the arguments of the default output validator.

    Raises:
        ValueError: an unknown argument, a tolerance that is missing, repeated or not a number >= 0.
    """
    switches: dict[str, bool] = {}
    tolerances: dict[str, float] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument in _SWITCHES:
            switches[argument] = True
        elif argument in _TOLERANCES:
            value = _tolerance(argument, next(rest, None))
            for name in _TOLERANCES[argument]:
                if name in tolerances:
                    raise ValueError(f"{argument} sets {name} a second time")
                tolerances[name] = value
        else:
            known = ", ".join((*_SWITCHES, *_TOLERANCES))
            raise ValueError(f"expected one of {known}; got {argument!r}")
    return ValidatorFlags(**switches, **tolerances)  # type: ignore[arg-type]


def _tolerance(name: str, text: str | None) -> float:
    """Read the number that follows *name*."""
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"expected a number >= 0 after {name}, got {text!r}")
    return value
