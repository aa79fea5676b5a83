"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import random
from collections import Counter
from itertools import accumulate
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
POINTS = {"1-few": 20, "2-more": 30, "3-many": 50}
rng = random.Random("fair-tea")


def ways(k: int, bricks: list[int]) -> int:
    found = Counter(weight % k for weight in accumulate(bricks, initial=0))
    return sum(count * (count - 1) // 2 for count in found.values())


def bricks(n: int, most: int = 10**9) -> list[int]:
    return [rng.randint(0, most) for _ in range(n)]


def tests():
    yield "1-few", "one", 7, [7]
    yield "1-few", "one-not", 7, [8]
    yield "1-few", "one-of-nothing", 1_000_000, [0]
    yield "1-few", "alone", 1, bricks(60)
    yield "1-few", "random", 4, bricks(50, 9)
    yield "1-few", "heavy", 2, [10**9] * 3 + [999_999_999] * 4
    yield "2-more", "random", 13, bricks(1500)
    yield "2-more", "all-even", 2, [2 * brick for brick in bricks(1400, 9)]
    yield "2-more", "hardly-any", 999_983, bricks(1500)
    yield "3-many", "random", 1000, bricks(20_000, 999)
    yield "3-many", "many-ways", 1, [1] * 100_000
    yield "3-many", "light", 3, bricks(40_000, 5)


def main() -> None:
    numbers = Counter()
    for group, name, k, row in tests():
        numbers[group] += 1
        base = SECRET / group / f"{numbers[group]:02}-{name}"
        base.parent.mkdir(parents=True, exist_ok=True)
        base.with_suffix(".in").write_text(f"{len(row)} {k}\n{' '.join(map(str, row))}\n")
        base.with_suffix(".ans").write_text(f"{ways(k, row)}\n")
    before = None
    for group, points in POINTS.items():
        text = f"max_score: {points}\n"
        if before:
            text += f"require_pass: secret/{before}\n"
        (SECRET / group / "test_group.yaml").write_text(text)
        before = group


if __name__ == "__main__":
    main()
