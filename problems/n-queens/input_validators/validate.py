"""Exits with 42 if standard input is a valid test."""

import re
import sys

lines = sys.stdin.read().split("\n")
if lines.pop() != "":
    sys.exit("the last line has no end")
if not re.fullmatch("[1-9]|1[0-2]", lines[0]) or int(lines[0]) != len(lines) - 1:
    sys.exit(f"first line {lines[0]!r}, {len(lines) - 1} rows")
if not all(re.fullmatch(f"[.#]{{{lines[0]}}}", line) for line in lines[1:]):
    sys.exit("a row is too short, too long or has other characters")
sys.exit(42)
