"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import math
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
FARTHEST, HIGHEST = 1_000_000, 1_000_000
rng = random.Random("lantern-boat")


def pole(lanterns: list[tuple[int, int]]) -> float:
    """Narrow down where the boat lies: left or right of it, whichever the farthest lantern is."""
    low, high = min(lanterns)[0], max(lanterns)[0]
    low, high = float(low), float(high)
    for _ in range(100):
        boat = (low + high) / 2
        x, _ = max(lanterns, key=lambda at: (at[0] - boat) ** 2 + at[1] ** 2)
        low, high = (boat, high) if x > boat else (low, boat)
    return max(math.hypot(x - low, h) for x, h in lanterns)


def anywhere(n: int, far: int, high: int) -> list[tuple[int, int]]:
    return [(rng.randint(-far, far), rng.randint(0, high)) for _ in range(n)]


def tests():
    yield "one", [(3, 7)]
    yield "one-on-the-water", [(-5, 0)]
    yield "low-and-far", [(-FARTHEST, 0), (FARTHEST, 1)]
    yield "same-place", [(2, 2), (2, 2), (2, 2)]
    yield "one-mast", [(9, h) for h in range(0, 50, 5)]
    yield "on-the-water", [(x, 0) for x in (-7, 1, 2, 12)]
    yield "not-the-middle", [(0, 0), (10, 9)]
    yield "outer-ones-too-low", [(-100, 0), (-90, 60), (70, 60), (100, 0)]
    yield "high-mast-aside", [(0, 1), (1000, 1), (1, 3000)]
    yield "random-small", anywhere(50, 20, 20)
    yield "random-flat", anywhere(3000, FARTHEST, 100)
    yield "random-high", anywhere(3000, 1000, HIGHEST)
    yield "random-large", anywhere(10_000, FARTHEST, HIGHEST)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, lanterns) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        lines = "".join(f"{x} {h}\n" for x, h in lanterns)
        base.with_suffix(".in").write_text(f"{len(lanterns)}\n{lines}")
        base.with_suffix(".ans").write_text(f"{pole(lanterns):.9f}\n")


if __name__ == "__main__":
    main()
