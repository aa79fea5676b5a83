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


(crates,) = arguments
valid = (
    isinstance(crates, list)
    and len(crates) <= 100
    and all(whole(each, 1, 1_000) for each in crates)
)
sys.exit(42 if valid else "a constraint is broken")
