"""Exits with 42 if standard input is a valid test."""

import re
import sys

lines = sys.stdin.read().split("\n")
if lines.pop() != "":
    sys.exit("the last line has no end")
for line in lines:
    if not re.fullmatch(r"(?:0|[1-9][0-9]*)(?: (?:0|[1-9][0-9]*))+", line):
        sys.exit(f"not numbers with single blanks between: {line!r}")
n, m = map(int, lines[0].split())
if not (1 <= n <= 50_000 and 0 <= m <= 100_000 and len(lines) == m + 1):
    sys.exit(f"n is {n}, m is {m}, and there are {len(lines) - 1} roads")
for line in lines[1:]:
    u, v, length, speed = map(int, line.split())
    if not (1 <= u <= n and 1 <= v <= n and 1 <= length <= 1000 and 1 <= speed <= 130):
        sys.exit(f"out of range: {line}")
sys.exit(42)
