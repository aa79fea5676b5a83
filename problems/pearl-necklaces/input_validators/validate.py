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


(words,) = arguments
valid = (
    isinstance(words, list)
    and len(words) <= 2_000
    and all(type(word) is str and 1 <= len(word) <= 100 for word in words)
    and sum(map(len, words)) <= 60_000
    and set("".join(words)) <= set("abcdefghijklmnopqrstuvwxyz")
)
sys.exit(42 if valid else "a constraint is broken")
