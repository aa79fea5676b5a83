"""Exits with 42 if standard input is a valid test."""

import re
import sys

lines = sys.stdin.read().split("\n")
if lines.pop() != "":
    sys.exit("the last line has no end")
if not re.fullmatch(r"[1-9][0-9]*", lines[0]) or not int(lines[0]) == len(lines) - 1 <= 1000:
    sys.exit(f"first line {lines[0]!r}, {len(lines) - 1} strings")
if not all(re.fullmatch(r"[()\[\]{}]+", line) for line in lines[1:]):
    sys.exit("a string is empty or has other characters")
if sum(map(len, lines[1:])) > 1_000_000:
    sys.exit("too long")
sys.exit(42)
