"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("ticket-windows")


def solve(minutes: list[int], visitors: int) -> int:
    low, high = 0, min(minutes) * visitors
    while low < high:
        middle = (low + high) // 2
        if sum(middle // each for each in minutes) >= visitors:
            high = middle
        else:
            low = middle + 1
    return low


def windows(count: int, low: int, high: int) -> list[int]:
    return [rng.randint(low, high) for _ in range(count)]


def tests():
    yield "nobody", ([1, 1], 0)
    yield "one", ([7], 1)
    yield "one-window", ([1_000_000], 1_000_000_000)
    yield "more-windows-than-visitors", ([9, 3, 5], 2)
    yield "equal", ([4, 4, 4], 7)
    yield "slow-one-useless", ([1, 1_000_000], 10)
    yield "just-in-time", ([2, 3, 6], 6)
    yield "random", (windows(20, 1, 50), 1_000)
    yield "fast", (windows(1_000, 1, 3), 1_000_000_000)
    yield "slow", (windows(1_000, 900_000, 1_000_000), 1_000_000_000)
    yield "mixed", (windows(1_000, 1, 1_000_000), 999_999_937)
    yield "few-slow", (windows(2, 999_000, 1_000_000), 1_000_000_000)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
