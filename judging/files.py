"""What holds for all files of a package: which are overlooked, and how constants are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}")


def is_ignored(name: str) -> bool:
    """Tell whether the format wants files of this name to be overlooked."""
    return not _NAME.fullmatch(name)


def is_hidden(name: str) -> bool:
    """Tell whether a file or directory of this name is no part of a package: of a tool, mostly."""
    return name.startswith(".") and name != ".timelimit"


def fill_constants(text: str, constants: Mapping[str, str]) -> str:
    """Replace `{{name}}` by its value; other things in double braces stay as they are."""
    for name, value in constants.items():
        text = text.replace("{{" + name + "}}", value)
    return text
