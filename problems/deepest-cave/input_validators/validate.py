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


(caves,) = arguments
valid = isinstance(caves, list) and len(caves) <= 20_001 and caves[:1] != [None]
places = 1
for number, litres in enumerate(caves if valid else []):
    valid = valid and number < places and (litres is None or whole(litres, 0, 100_000))
    places += 2 * (litres is not None)
valid = valid and caves[-1:] != [None]
sys.exit(42 if valid else "a constraint is broken")
