"""Exits with 42 if standard input is a valid test."""

import re
import sys

lines = sys.stdin.read().split("\n")
if len(lines) != 3 or lines[-1]:
    sys.exit("not two lines")
for line in lines[:-1]:
    if not re.fullmatch(r"(?:0|[1-9][0-9]*)(?: (?:0|[1-9][0-9]*))*", line):
        sys.exit(f"not numbers with single blanks between: {line[:40]!r}")
head = [int(word) for word in lines[0].split()]
bricks = [int(word) for word in lines[1].split()]
valid = (
    len(head) == 2
    and 1 <= head[0] <= 100_000
    and len(bricks) == head[0]
    and 1 <= head[1] <= 1_000_000
    and max(bricks) <= 10**9
)
sys.exit(42 if valid else "a constraint is broken")
