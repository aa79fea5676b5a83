"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import itertools
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
CLOSE = {"(": ")", "[": "]", "{": "}"}
rng = random.Random("valid-parentheses")


def is_valid(text: str) -> bool:
    stack = []
    for char in text:
        if char in CLOSE:
            stack.append(CLOSE[char])
        elif not stack or stack.pop() != char:
            return False
    return not stack


def balanced(pairs: int, deep: float = 0.5, kinds: str = "([{") -> str:
    """Return a random valid string; the larger *deep*, the deeper it nests."""
    out, stack = [], []
    while pairs or stack:
        if pairs and (not stack or rng.random() < deep):
            char = rng.choice(kinds)
            out.append(char)
            stack.append(CLOSE[char])
            pairs -= 1
        else:
            out.append(stack.pop())
    return "".join(out)


def spoiled(text: str) -> str:
    """Change one character of a valid string, which always makes it invalid."""
    at = rng.randrange(len(text))
    other = rng.choice([char for char in "()[]{}" if char != text[at]])
    return text[:at] + other + text[at + 1 :]


def overlapping(text: str) -> str:
    """Exchange two neighbours that differ: as many of each kind as before."""
    places = [i for i in range(len(text) - 1) if text[i] != text[i + 1]]
    at = rng.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def nested(depth: int, kinds: str = "([{") -> str:
    opening = "".join(kinds[i % len(kinds)] for i in range(depth))
    return opening + "".join(CLOSE[char] for char in reversed(opening))


def tests():
    every = ["".join(t) for n in (1, 2, 3) for t in itertools.product("()[]{}", repeat=n)]
    yield "all-up-to-3", every
    yield "length-4", rng.sample(["".join(t) for t in itertools.product("()[]{}", repeat=4)], 1000)
    yield (
        "one-kind",
        [balanced(rng.randint(1, 8), kinds="(") for _ in range(500)]
        + ["".join(rng.choice("()") for _ in range(2 * rng.randint(1, 6))) for _ in range(500)],
    )
    yield "valid", [balanced(rng.randint(1, 40), rng.random()) for _ in range(800)]
    yield "one-wrong", [spoiled(balanced(rng.randint(1, 40))) for _ in range(800)]
    yield "neighbours-exchanged", [overlapping(balanced(rng.randint(2, 40))) for _ in range(800)]
    # Right in the numbers of each kind and in the depth, wrong in the order.
    yield "overlapping", ["([)]", "{[}]", "([{)]}", "[(])[](])", "(([))]", "{}[(])"] * 20
    yield "left-open", [balanced(20) + "(", "(" + balanced(20), "[" * 999, "{" + "[]" * 300]
    yield "closed-too-often", [balanced(20) + ")", ")" + balanced(20), "]" * 999, "[]" * 300 + "}"]
    yield "starts-with-closing", [c + o for o, c in CLOSE.items()] + ["}" + balanced(9) + "{"]
    yield "deep", [nested(60_000)]
    yield "deep-wrong-inside", [nested(20_000, "(")[:-20_001] + "]" + ")" * 20_000]
    yield "last-character", [balanced(30_000, 0.9)[:-1] + "(", balanced(30_000, 0.9)]
    yield "flat", ["()[]{}" * 20_000]
    yield "deepest", [nested(500_000)]


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, strings) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("\n".join([str(len(strings)), *strings]) + "\n")
        answers = ["yes" if is_valid(text) else "no" for text in strings]
        base.with_suffix(".ans").write_text("\n".join(answers) + "\n")


main()
