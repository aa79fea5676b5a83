"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("n-queens")


def ways(board: list[str]) -> int:
    """Count by sets, row by row; slow and plain."""
    n = len(board)
    columns, rising, falling = set(), set(), set()

    def place(y: int) -> int:
        if y == n:
            return 1
        count = 0
        for x in range(n):
            if board[y][x] == "#" or x in columns or x + y in rising or x - y in falling:
                continue
            columns.add(x), rising.add(x + y), falling.add(x - y)
            count += place(y + 1)
            columns.remove(x), rising.remove(x + y), falling.remove(x - y)
        return count

    return place(0)


def empty(n: int) -> list[str]:
    return ["." * n] * n


def broken(n: int, share: float) -> list[str]:
    return ["".join("#" if rng.random() < share else "." for _ in range(n)) for _ in range(n)]


def tests():
    yield "one", ["."]
    yield "one-broken", ["#"]
    yield "two", empty(2)
    yield "three", empty(3)
    yield "five", empty(5)
    yield "six", empty(6)
    yield "eight", empty(8)
    yield "eight-broken-diagonal", ["." * i + "#" + "." * (7 - i) for i in range(8)]
    yield "row-broken", ["." * 9] * 4 + ["#" * 9] + ["." * 9] * 4
    # Not symmetric: reading the board from the wrong side gives another count.
    yield "corner", ["####...", "###....", "##.....", "#......", ".......", ".......", "......."]
    yield "seven-random", broken(7, 0.2)
    yield "nine-random", broken(9, 0.1)
    yield "ten-random", broken(10, 0.3)
    yield "ten", empty(10)
    yield "checkered", ["".join(".#"[(x + y) % 2] for x in range(11)) for y in range(11)]
    yield "twelve-random", broken(12, 0.15)
    yield "twelve-few", broken(12, 0.02)
    yield "twelve", empty(12)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, board) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("\n".join([str(len(board)), *board]) + "\n")
        base.with_suffix(".ans").write_text(f"{ways(board)}\n")


main()
