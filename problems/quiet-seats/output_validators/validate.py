"""Called as: validate.py INPUT ANSWER FEEDBACK_FOLDER < OUTPUT; 42 is right, 43 is wrong."""

import sys
from pathlib import Path


def reason(n, k, possible, words):
    """Return why the output is wrong, or nothing."""
    if [word.lower() for word in words] == ["impossible"]:
        return "there is an order" if possible else None
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        return "neither impossible nor numbers"
    row = [int(word) for word in words]
    if sorted(row) != list(range(1, n + 1)):
        return f"{len(row)} numbers, which are not those from 1 to {n}, each once"
    for one, other in zip(row, row[1:]):
        if abs(one - other) < k:
            return f"{one} and {other} sit side by side"
    return None


n, k = map(int, Path(sys.argv[1]).read_text().split())
possible = Path(sys.argv[2]).read_text().strip() != "impossible"
why = reason(n, k, possible, sys.stdin.read().split())
if why:
    Path(sys.argv[3], "judgemessage.txt").write_text(why)
sys.exit(43 if why else 42)
