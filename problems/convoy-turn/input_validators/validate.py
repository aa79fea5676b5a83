"""Exits with 42 if standard input is a valid test."""

import json
import sys

text = sys.stdin.read()
lines = text.split("\n")
if len(lines) != 3 or lines[-1]:
    sys.exit("not one line for each argument")
try:
    arguments = [json.loads(line) for line in lines[:-1]]
except ValueError as exc:
    sys.exit(str(exc))
if text != "".join(f"{json.dumps(each)}\n" for each in arguments):
    sys.exit("not the usual way to write it")


def whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


convoy, k = arguments
valid = (
    isinstance(convoy, list)
    and len(convoy) <= 20_000
    and all(whole(each, -1_000_000, 1_000_000) for each in convoy)
    and whole(k, 0, 2_000_000_000)
)
sys.exit(42 if valid else "a constraint is broken")
