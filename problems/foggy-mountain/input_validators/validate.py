"""Exits with 42 if standard input is a valid test."""

import re
import sys

found = re.fullmatch(r"([1-9][0-9]*) ([1-9][0-9]*) ([1-9][0-9]*) ([1-9][0-9]*)\n", sys.stdin.read())
if not found:
    sys.exit("not four numbers with single blanks between")
n, summit, up, down = map(int, found.groups())
# Heights wobble by up to 6, so less than 8 a mark would not always be up or down.
valid = summit <= n <= 100_000 and all(8 <= slope < 9999 + 1 for slope in (up, down))
sys.exit(42 if valid else "out of range")
