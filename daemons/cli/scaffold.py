"""The packages that `gavel problems new` begins with: small, whole, and right as they stand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

_INPUT = """\
\"\"\"Reads one input of a test; 42 says that it is as the statement promises.\"\"\"

import re
import sys

found = re.fullmatch(r"PATTERN\\n", sys.stdin.read())
sys.exit(42 if found and CONDITION else 1)
"""


def _input_validator(pattern: str, condition: str) -> str:
    """Return a program that wants *condition* of what *pattern* has *found*."""
    return _INPUT.replace("PATTERN", pattern).replace("CONDITION", condition)


_PASS_FAIL = {
    "problem.yaml": """\
problem_format_version: 2025-09
type: pass-fail
name: {title}
uuid: {uuid}
license: cc by-sa
keywords: [math]
limits:
  time_limit: 1
""",
    "statement/problem.en.md": """\
Given two whole numbers, print their sum.

## Input

One line with two numbers $a$ and $b$, each from $-10^9$ to $10^9$.

## Output

One line with $a + b$.
""",
    "data/sample/1.in": "1 2\n",
    "data/sample/1.ans": "3\n",
    "data/secret/1-negative.in": "-7 3\n",
    "data/secret/1-negative.ans": "-4\n",
    "data/secret/2-large.in": "1000000000 1000000000\n",
    "data/secret/2-large.ans": "2000000000\n",
    "input_validators/validate.py": _input_validator(
        "(-?[0-9]+) (-?[0-9]+)", "all(abs(int(number)) <= 10**9 for number in found.groups())"
    ),
    "attachments/starter.py": "a, b = map(int, input().split())\n",
    "submissions/accepted/sum.py": "print(sum(map(int, input().split())))\n",
    "submissions/wrong_answer/difference.py": """\
a, b = map(int, input().split())
print(a + b if a < b else a - b)
""",
}
_SCORING = {
    "problem.yaml": _PASS_FAIL["problem.yaml"].replace("pass-fail", "scoring"),
    "data/secret/1-negative.in": None,
    "data/secret/1-negative.ans": None,
    "data/secret/2-large.in": None,
    "data/secret/2-large.ans": None,
    "data/secret/1-small/test_group.yaml": "max_score: 40\n",
    "data/secret/1-small/1.in": "-7 3\n",
    "data/secret/1-small/1.ans": "-4\n",
    "data/secret/1-small/2.in": "8 5\n",
    "data/secret/1-small/2.ans": "13\n",
    "data/secret/2-large/test_group.yaml": """\
max_score: 60
require_pass: secret/1-small
""",
    "data/secret/2-large/1.in": "1000000000 1000000000\n",
    "data/secret/2-large/1.ans": "2000000000\n",
    "submissions/submissions.yaml": """\
accepted:
  score: 100
wrong_answer/only_small.py:
  score: 40
""",
    "submissions/wrong_answer/difference.py": None,
    "submissions/wrong_answer/only_small.py": """\
print((sum(map(int, input().split())) + 32768) % 65536 - 32768)
""",
}
_CUSTOM = {
    "statement/problem.en.md": """\
Given a whole number, print two whole numbers greater than 0 with that sum. Any two will do.

## Input

One line with a number $n$ from $2$ to $10^9$.

## Output

One line with two numbers.
""",
    "output_validator/validate.py": """\
\"\"\"Called as: validate.py INPUT ANSWER FEEDBACK_FOLDER < OUTPUT; 42 is right, 43 is wrong.\"\"\"

import sys

number = int(open(sys.argv[1]).read())
feedback = open(sys.argv[3] + "judgemessage.txt", "w")
words = sys.stdin.read().split()
if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
    feedback.write("expected two numbers")
    sys.exit(43)
first, second = map(int, words)
feedback.write(f"{first} + {second} = {first + second}, expected {number}")
sys.exit(42 if first > 0 and second > 0 and first + second == number else 43)
""",
    "data/sample/1.in": "5\n",
    "data/sample/1.ans": "2 3\n",
    "data/secret/1-negative.in": None,
    "data/secret/1-negative.ans": None,
    "data/secret/1-smallest.in": "2\n",
    "data/secret/1-smallest.ans": "1 1\n",
    "data/secret/2-large.in": "1000000000\n",
    "data/secret/2-large.ans": "1 999999999\n",
    "input_validators/validate.py": _input_validator("([0-9]+)", "2 <= int(found[1]) <= 10**9"),
    "attachments/starter.py": "n = int(input())\n",
    "submissions/accepted/sum.py": None,
    "submissions/accepted/one.py": "print(1, int(input()) - 1)\n",
    "submissions/wrong_answer/difference.py": None,
    "submissions/wrong_answer/zero.py": "print(0, int(input()))\n",
}
_INTERACTIVE = {
    "problem.yaml": _PASS_FAIL["problem.yaml"].replace("pass-fail", "interactive"),
    "statement/problem.en.md": """\
The judge thinks of a whole number from $1$ to $1000$. Find it with at most ten guesses.

## Interaction

Print a guess on a line of its own, and flush the output. Then read a line: `higher` if the number
is greater than your guess, `lower` if it is less, `right` if you have found it; then end.
""",
    "output_validator/validate.py": """\
\"\"\"Talks with the program over stdin and stdout; 42 is right, 43 is wrong.\"\"\"

import sys

number = int(open(sys.argv[1]).read())
feedback = open(sys.argv[3] + "judgemessage.txt", "w")
for _ in range(10):
    line = sys.stdin.readline().strip()
    if not (line.isascii() and line.isdigit()):
        feedback.write(f"expected a guess, got {line[:40]!r}")
        sys.exit(43)
    guess = int(line)
    print("right" if guess == number else "higher" if guess < number else "lower", flush=True)
    if guess == number:
        sys.exit(42)
feedback.write("ten guesses were not enough")
sys.exit(43)
""",
    "data/sample/1.in": "700\n",
    "data/sample/1.ans": "700\n",
    "data/sample/1.interaction": ">500\n<higher\n>750\n<lower\n>700\n<right\n",
    "data/secret/1-negative.in": None,
    "data/secret/1-negative.ans": None,
    "data/secret/1-least.in": "1\n",
    "data/secret/1-least.ans": "1\n",
    "data/secret/2-large.in": "1000\n",
    "data/secret/2-large.ans": "1000\n",
    "input_validators/validate.py": _input_validator("([0-9]+)", "1 <= int(found[1]) <= 1000"),
    "attachments/starter.py": "print(500, flush=True)\nanswer = input()\n",
    "submissions/accepted/sum.py": None,
    "submissions/accepted/halves.py": """\
low, high = 1, 1000
while True:
    guess = (low + high) // 2
    print(guess, flush=True)
    answer = input()
    if answer == "right":
        break
    low, high = (guess + 1, high) if answer == "higher" else (low, guess - 1)
""",
    "submissions/wrong_answer/difference.py": None,
    "submissions/wrong_answer/one_by_one.py": """\
for guess in range(1, 1001):
    print(guess, flush=True)
    if input() == "right":
        break
""",
}
_MULTI_PASS = {
    "problem.yaml": _PASS_FAIL["problem.yaml"].replace("pass-fail", "[pass-fail, multi-pass]"),
    "statement/problem.en.md": """\
Your program runs twice. First it reads `encode` and a word, and prints a word of its own in which
it hides that one, yet no letter stands where it stood. Then it reads `decode` and its own word, and
prints the first one.

## Input

Two lines: `encode` or `decode`, and a word of 2 to 100 lower-case letters.

## Output

One line with a word of lower-case letters.
""",
    "output_validator/validate.py": """\
\"\"\"Asks for a second pass by writing nextpass.in, its input then; its other files stay.\"\"\"

import sys

todo, word = open(sys.argv[1]).read().split()
folder = sys.argv[3]
words = sys.stdin.read().split()
if len(words) != 1:
    sys.exit(43)
if todo == "decode":
    sys.exit(42 if words[0] == open(folder + "word").read() else 43)
if not words[0].isascii() or not words[0].islower() or len(words[0]) > 200:
    sys.exit(43)
if any(a == b for a, b in zip(words[0], word)):
    sys.exit(43)
open(folder + "word", "w").write(word)
open(folder + "nextpass.in", "w").write(f"decode\\n{words[0]}\\n")
sys.exit(42)
""",
    "data/sample/1.in": "encode\nzebra\n",
    "data/sample/1.ans": "afcsb\n",
    "data/sample/1.interaction": "<encode\n<zebra\n>afcsb\n---\n<decode\n<afcsb\n>zebra\n",
    "data/secret/1-negative.in": None,
    "data/secret/1-negative.ans": None,
    "data/secret/1-same.in": "encode\naa\n",
    "data/secret/1-same.ans": "bb\n",
    "data/secret/2-large.in": f"encode\n{'az' * 50}\n",
    "data/secret/2-large.ans": f"{'ba' * 50}\n",
    "input_validators/validate.py": _input_validator(
        r"encode\n([a-z]+)", "2 <= len(found[1]) <= 100"
    ),
    "attachments/starter.py": "todo, word = input(), input()\n",
    "submissions/accepted/sum.py": None,
    "submissions/accepted/shift.py": """\
step = 1 if input() == "encode" else -1
print("".join(chr((ord(letter) - 97 + step) % 26 + 97) for letter in input()))
""",
    "submissions/wrong_answer/difference.py": None,
    "submissions/wrong_answer/one_way.py": """\
input()
print("".join(chr((ord(letter) - 97 + 1) % 26 + 97) for letter in input()))
""",
}
#: What is different from a pass-fail problem; None takes a file away.
KINDS: Mapping[str, Mapping[str, str | None]] = {
    "pass-fail": {},
    "validator": _CUSTOM,
    "interactive": _INTERACTIVE,
    "multi-pass": _MULTI_PASS,
    "scoring": _SCORING,
}


def write_package(folder: Path, kind: str = "pass-fail") -> list[Path]:
    """Write a package of one of `KINDS` into *folder*, which must be empty or not there.

    Returns its files.

    Raises:
        OSError: it can't be written.
    """
    title = folder.name.replace("-", " ").replace("_", " ").title()
    written = []
    for name, text in {**_PASS_FAIL, **KINDS[kind]}.items():
        if text is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "problem.yaml":
            text = text.format(title=title, uuid=uuid.uuid4())
        path.write_text(text)
        written.append(path)
    return written
