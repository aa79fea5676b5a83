"""Talks with the program over stdin and stdout; 42 is right, 43 is wrong."""

import re
import sys
from pathlib import Path

QUESTIONS = 36
n, summit, up, down = map(int, Path(sys.argv[1]).read_text().split())


def height(mark):
    slope = up * (summit - mark) if mark < summit else down * (mark - summit)
    return 10**9 - slope - mark * mark % 7


def refuse(why):
    Path(sys.argv[3], "judgemessage.txt").write_text(why)
    sys.exit(43)


def say(number):
    try:
        print(number, flush=True)
    except BrokenPipeError:
        refuse("the program does not listen any more")


say(n)
asked = 0
while True:
    line = sys.stdin.readline(100)
    found = re.fullmatch(r"\s*([?!])\s*([0-9]{1,9})\s*", line)
    if not found:
        refuse(f"expected a question or an answer, got {line!r}")
    mark = int(found[2])
    if found[1] == "!":
        if mark != summit:
            refuse(f"the summit is at {summit}, not at {mark}")
        if sys.stdin.read().strip():
            refuse("it says more after its answer")
        sys.exit(42)
    asked += 1
    if not 1 <= mark <= n:
        refuse(f"there is no mark {mark}")
    if asked > QUESTIONS:
        refuse(f"more than {QUESTIONS} questions")
    say(height(mark))
