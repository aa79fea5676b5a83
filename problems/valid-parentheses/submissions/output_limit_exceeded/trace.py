# Right on the samples, where nobody minds a line that was left in for debugging.
import sys

CLOSE = {"(": ")", "[": "]", "{": "}"}


def is_valid(brackets):
    expected = []
    for char in brackets:
        if len(expected) > 30_000:
            print("deep!", len(expected), "".join(expected))
        if char in CLOSE:
            expected.append(CLOSE[char])
        elif not expected or expected.pop() != char:
            return False
    return not expected


for _ in range(int(input())):
    print("yes" if is_valid(sys.stdin.readline().strip()) else "no")
