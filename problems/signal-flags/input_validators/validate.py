"""Exits with 42 if standard input is a valid test."""

import re
import sys

found = re.fullmatch(r"([1-9][0-9]?)\n([01]+)\n([01]+)\n", sys.stdin.read())
if not found:
    sys.exit("not a number and two signals")
valid = int(found[1]) <= 15 and len(found[2]) == len(found[3]) == int(found[1])
sys.exit(42 if valid else "out of range")
