"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("two-sum")


def filler(count: int, low: int, high: int) -> list[int]:
    """Return numbers that leave 1 when divided by 3: no two have a sum that 3 divides."""
    return [3 * rng.randint(low // 3 + 1, high // 3 - 1) + 1 for _ in range(count)]


def hide(numbers: list[int], i: int, j: int, left: int, right: int) -> tuple[list[int], int]:
    """Put the only pair, two multiples of 3, at indices *i* and *j*."""
    assert left % 3 == right % 3 == 0
    numbers = list(numbers)
    numbers[i], numbers[j] = left, right
    return numbers, left + right


def threes(bound: int) -> int:
    return 3 * rng.randint(-bound // 3 + 1, bound // 3 - 1)


def tests():
    yield "smallest", ([5, -7], -2)
    yield "equal-pair", ([3, 3], 6)
    yield "half-of-target-once", ([8, 5, 1, 11, 4, 13], 16)
    yield "zeros", ([0, 4, 3, 0], 0)
    yield "target-zero", ([7, -2, 9, -7, 4], 0)
    yield "many-equal", hide([1] * 1000, 400, 900, 6, 9)
    yield "beyond-32-bits", ([1, 2_000_000_000, -5, 2_000_000_000, 7], 4_000_000_000)
    yield "below-32-bits", ([-2_000_000_000, 3, 1_999_999_999, -2_000_000_000], -4_000_000_000)
    wide = filler(1000, -2_000_000_000, 2_000_000_000)
    yield "first-and-last", hide(wide, 0, 999, threes(10**9), threes(10**9))
    yield "first-two", hide(wide, 0, 1, threes(10**9), threes(10**9))
    yield "last-two", hide(wide, 998, 999, threes(10**9), threes(10**9))
    yield "sums-wrap-around", wrap_around()
    yield (
        "descending",
        hide(
            sorted(filler(20_000, -900_000, 900_000), reverse=True),
            7_000,
            13_000,
            900_000,
            -900_000,
        ),
    )
    yield "equal-pair-large", hide(filler(50_000, -9_000, 9_000), 20_000, 49_000, 3333, 3333)
    # The pair comes last for whoever tries all pairs in order.
    yield "largest", hide(filler(150_000, -99_000, 99_000), 149_998, 149_999, -30_000, 99_000)


def wrap_around() -> tuple[list[int], int]:
    """With 32-bit sums, 1.5e9 + 1.5e9 looks like -1294967296, which comes first."""
    target = 3_000_000_000 - 2**32
    return [1_500_000_000, 1_500_000_000, 5, target - 1_000, 1_000, 12], target


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, (numbers, target)) in enumerate(tests(), start=1):
        seen: dict[int, int] = {}
        for j, value in enumerate(numbers):
            if target - value in seen:
                answer = f"{seen[target - value]} {j}\n"
            seen[value] = j
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text(
            f"{len(numbers)} {target}\n{' '.join(map(str, numbers))}\n"
        )
        base.with_suffix(".ans").write_text(answer)


main()
