"""The package that `gavel problems new` begins with: small, whole, and right as it stands."""

from __future__ import annotations

import uuid
from pathlib import Path

_FILES = {
    "problem.yaml": """\
problem_format_version: 2025-09
type: pass-fail
name: {title}
uuid: {uuid}
license: cc by-sa
keywords: [math]
limits:
  time_limit: 1
""",
    "statement/problem.en.md": """\
Given two whole numbers, print their sum.

## Input

One line with two numbers $a$ and $b$, each from $-10^9$ to $10^9$.

## Output

One line with $a + b$.
""",
    "data/sample/1.in": "1 2\n",
    "data/sample/1.ans": "3\n",
    "data/secret/1-negative.in": "-7 3\n",
    "data/secret/1-negative.ans": "-4\n",
    "data/secret/2-large.in": "1000000000 1000000000\n",
    "data/secret/2-large.ans": "2000000000\n",
    "attachments/starter.py": "a, b = map(int, input().split())\n",
    "submissions/accepted/sum.py": "print(sum(map(int, input().split())))\n",
    "submissions/wrong_answer/difference.py": """\
a, b = map(int, input().split())
print(a + b if a < b else a - b)
""",
}


def write_package(folder: Path) -> list[Path]:
    """Write a package into *folder*, which must be empty or not there; return its files.

    Raises:
        OSError: it can't be written.
    """
    title = folder.name.replace("-", " ").replace("_", " ").title()
    written = []
    for name, text in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "problem.yaml":
            text = text.format(title=title, uuid=uuid.uuid4())
        path.write_text(text)
        written.append(path)
    return written
