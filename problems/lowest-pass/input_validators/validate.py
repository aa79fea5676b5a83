"""Exits with 42 if standard input is a valid test."""

import json
import sys

text = sys.stdin.read()
lines = text.split("\n")
if len(lines) != 2 or lines[-1]:
    sys.exit("not one line for each argument")
try:
    arguments = [json.loads(line) for line in lines[:-1]]
except ValueError as exc:
    sys.exit(str(exc))
if text != "".join(f"{json.dumps(each)}\n" for each in arguments):
    sys.exit("not the usual way to write it")


def whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


(heights,) = arguments
valid = (
    isinstance(heights, list)
    and 1 <= len(heights) <= 80
    and all(isinstance(row, list) and len(row) == len(heights[0]) for row in heights)
    and 1 <= len(heights[0]) <= 80
    and all(whole(height, 0, 1_000_000) for row in heights for height in row)
)
sys.exit(42 if valid else "a constraint is broken")
