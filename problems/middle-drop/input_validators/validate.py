"""Exits with 42 if standard input is a valid test."""

import re
import sys

found = re.fullmatch(" ".join([r"(0|[1-9][0-9]{0,9})"] * 5) + "\n", sys.stdin.read())
if not found:
    sys.exit("not five numbers with single blanks between")
n, s, a, c, m = map(int, found.groups())
valid = n % 2 == 1 and n < 2_000_000 and 1 <= m <= 2**32 and max(s, a, c) < m
sys.exit(42 if valid else "out of range")
