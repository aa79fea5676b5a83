"""Exits with 42 if standard input is a valid test."""

import re
import sys

lines = sys.stdin.read().split("\n")
if lines[0] != "send" or lines[-1]:
    sys.exit("does not begin with send, or the last line has no end")
lines = lines[1:-1]
if not lines or not re.fullmatch(r"[1-9][0-9]{0,3}", lines[0]):
    sys.exit("no number of telegrams")
messages = lines[1:]
valid = int(lines[0]) == len(messages) <= 2000 and all(
    re.fullmatch("[01]{4}|[01]{16}", message) and len(message) == len(messages[0])
    for message in messages
)
sys.exit(42 if valid else "a constraint is broken")
