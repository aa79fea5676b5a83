"""Exits with 42 if standard input is a valid test."""

import re
import sys

found = re.fullmatch(r"([1-9][0-9]{0,4}) ([1-9][0-9]{0,4})\n", sys.stdin.read())
if not found:
    sys.exit("not two numbers with a blank between")
sys.exit(42 if all(int(word) <= 50_000 for word in found.groups()) else "out of range")
