"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("pearl-necklaces")


def solve(words: list[str]) -> list[str]:
    return sorted({min(word[i:] + word[:i] for i in range(len(word))) for word in words})


def word(length: int, letters: str) -> str:
    return "".join(rng.choices(letters, k=length))


def turned(text: str) -> str:
    start = rng.randrange(len(text))
    return text[start:] + text[:start]


def tests():
    yield "none", ([],)
    yield "one", (["z"],)
    yield "same", (["ab", "ba", "ab"],)
    yield "mirror", (["abcd", "dcba", "cdab", "badc"],)
    yield "periods", (["abab", "baba", "ab", "aabb", "abba"],)
    yield "equal-pearls", (["a" * length for length in range(1, 101)],)
    yield "first-letters-equal", (["aab", "aba", "baa", "abaa", "aaba"],)
    yield "random-short", ([word(3, "ab") for _ in range(50)],)
    yield "random", ([word(rng.randint(1, 12), "abc") for _ in range(1_000)],)
    few = [word(30, "ab") for _ in range(40)]
    yield "turned", ([turned(rng.choice(few)) for _ in range(2_000)],)
    yield "long", ([word(100, "ab") for _ in range(600)],)
    alike = ["a" * before + "b" + "a" * (29 - before) + "c" for before in range(30)]
    yield "long-alike", ([turned(alike[number % 30]) for number in range(1_800)],)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
