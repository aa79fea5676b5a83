"""Every row of the table of threats is shown by a program or a test, or stands here with a reason."""

import ast
import re
from pathlib import Path

from .drive import TABLE

ROWS = range(1, 110)
TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent

#: Rows without a program or a test that names them, and why.
ELSEWHERE = {
    80: "a residual: timing of the page cache, in docs/sandbox.md",
    81: "a residual: timing of caches and threads of a core, in docs/sandbox.md",
}


def named_rows() -> set[int]:
    """Return the rows that tests name in their docstrings, as in ``Rows 78, 79.``."""
    found: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for numbers in re.findall(r"\bRows? (\d+(?:(?:, | to )\d+)*)", path.read_text()):
            found |= {int(number) for number in re.findall(r"\d+", numbers)}
    return found


def test_every_row_is_shown_or_explained() -> None:
    """No row is forgotten, and none is excused that a program or test shows."""
    shown = {int(attack.header["row"]) for attack in TABLE} | named_rows()
    assert sorted(set(ROWS) - shown) == sorted(ELSEWHERE)
    assert shown <= set(ROWS)


def changes_by_path(path: Path) -> list[str]:
    """Return the calls in *path* that change a file's owner, mode, name or existence by its path."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("os", "shutil")
        below = any(keyword.arg == "dir_fd" for keyword in node.keywords)
        if node.func.attr in (CHANGES if module else PATH_CHANGES) and not below:
            found.append(f"{path.name}:{node.lineno}: {node.func.attr}")
    return found


#: Calls that follow whatever a program left in the way, unless they work below a descriptor.
CHANGES = {"chown", "lchown", "chmod", "lchmod", "unlink", "remove", "rename", "replace", "rmtree"}
PATH_CHANGES = CHANGES - {"remove", "replace"}  # strings and lists have those, too


def test_sandbox_changes_nothing_by_path() -> None:
    """Row 9. What a program left is never given away, opened up, moved or deleted by its path.

    It vanishes with the mount that it lies on.
    """
    rooms = (ROOT / "sandbox").rglob("*.py")
    found = [
        each for path in rooms if path.parent.name != "attacks" for each in changes_by_path(path)
    ]
    assert found == []
