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


tree, least = arguments
if not isinstance(tree, list) or tree[-1:] == [None]:
    sys.exit("not a tree")
forks = [item for item in tree if item is not None]
valid = len(forks) <= 20_000 and all(whole(item, 0, 1000) for item in forks)
valid = valid and whole(least, 0, 1_000_000)
places = 1
for number, item in enumerate(tree):
    valid = valid and number < places
    places += 2 * (item is not None)
sys.exit(42 if valid else "a constraint is broken")
