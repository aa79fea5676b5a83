# One call for each level: the interpreter's recursion limit ends it.
CLOSE = {"(": ")", "[": "]", "{": "}"}


def parse(text, at, closing):
    while at < len(text):
        char = text[at]
        at += 1
        if char not in CLOSE:
            return at if char == closing else -1
        at = parse(text, at, CLOSE[char])
        if at < 0:
            return -1
    return at if closing is None else -1


for _ in range(int(input())):
    print("yes" if parse(input(), 0, None) >= 0 else "no")
