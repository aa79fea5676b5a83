# Forgets that there may be nothing to close.
CLOSE = {"(": ")", "[": "]", "{": "}"}


def is_valid(brackets):
    expected = []
    for char in brackets:
        if char in CLOSE:
            expected.append(CLOSE[char])
        elif expected.pop() != char:
            return False
    return not expected


for _ in range(int(input())):
    print("yes" if is_valid(input()) else "no")
