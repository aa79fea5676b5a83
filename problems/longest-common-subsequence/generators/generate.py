"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("longest-common-subsequence")


def lcs(a: str, b: str) -> int:
    """Return the length, by one row of the textbook's table at a time, as bits of a number."""
    where = {x: sum(1 << i for i, y in enumerate(a) if x == y) for x in set(a)}
    full = (1 << len(a)) - 1
    row = full
    for y in b:
        matches = row & where.get(y, 0)
        row = (row + matches | row - matches) & full
    return len(a) - row.bit_count()


def word(length: int, letters: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    return "".join(rng.choices(letters, k=length))


def thinned(text: str, keep: float) -> str:
    return "".join(char for char in text if rng.random() < keep) or text[0]


def tests():
    yield "single-same", "a", "a"
    yield "single-different", "a", "b"
    yield "one-in-many", "z", word(1999, "abc") + "z"
    yield "equal", *[word(300)] * 2
    # The longest common run of letters is short, the subsequence is long.
    yield "every-other", "ab" * 150, "acb" * 100
    yield "reversed", "abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba"
    # Taking the first match that comes is wrong.
    yield "greedy-trap", "bcdefghija" * 5, "abcdefghij" * 5
    yield "greedy-trap-long", "b" * 900 + "a" * 100, "a" * 100 + "b" * 900
    yield "prefix", *(lambda text: (text, text[:777]))(word(1500, "xyz"))
    yield "suffix", *(lambda text: (text, text[-999:]))(word(1500, "xyz"))
    yield "different-lengths", word(30), word(2000)
    yield "two-letters", word(2000, "ab"), word(2000, "ab")
    yield "dna", *(lambda text: (thinned(text, 0.9), thinned(text, 0.8)))(word(2000, "acgt"))
    yield "random-longest", word(2000), word(2000)
    yield "one-letter-longest", "a" * 2000, "a" * 2000
    yield "nothing-in-common", word(2000, "abcdefghijklm"), word(2000, "nopqrstuvwxyz")


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, a, b) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text(f"{a}\n{b}\n")
        base.with_suffix(".ans").write_text(f"{lcs(a, b)}\n")


main()
