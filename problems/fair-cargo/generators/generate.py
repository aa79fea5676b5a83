"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("fair-cargo")


def solve(crates: list[int]) -> bool:
    sums = 1
    for crate in crates:
        sums |= sums << crate
    return sum(crates) % 2 == 0 and bool(sums >> sum(crates) // 2 & 1)


def crates(count: int, low: int, high: int, step: int) -> list[int]:
    return [rng.randrange(low, high + 1, step) for _ in range(count)]


def tests():
    yield "none", ([],)
    yield "one", ([4],)
    yield "two", ([5, 5],)
    yield "odd", ([1, 2, 4],)
    yield "not-the-largest-first", ([8, 7, 6, 5, 4],)
    yield "three-of-three", ([6, 6, 4, 4, 4],)
    yield "heavy", ([1000, 1, 2, 3],)
    yield "just", ([990, *[10] * 99],)
    yield "random", (crates(20, 1, 100, 1),)
    # All are multiples of 20 but one, so all ways have to be looked at.
    yield "no-way", ([*crates(60, 20, 1000, 20), 2],)
    yield "no-way-large", ([*crates(98, 500, 1000, 20), 2],)
    yield "way-large", (crates(100, 501, 999, 2),)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
