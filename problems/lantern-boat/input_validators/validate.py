"""Exits with 42 if standard input is a valid test."""

import re
import sys

lines = sys.stdin.read().split("\n")
if lines.pop() != "" or not lines or not re.fullmatch(r"[1-9][0-9]{0,4}", lines[0]):
    sys.exit("no number of lanterns, or the last line has no end")
if not int(lines[0]) == len(lines) - 1 <= 10_000:
    sys.exit("not as many lanterns as there should be")
for line in lines[1:]:
    found = re.fullmatch(r"(0|-?[1-9][0-9]{0,6}) (0|[1-9][0-9]{0,6})", line)
    if not found or max(abs(int(word)) for word in found.groups()) > 1_000_000:
        sys.exit(f"not a lantern: {line!r}")
sys.exit(42)
