"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("lowest-pass")


def solve(heights: list[list[int]]) -> int:
    rows, columns = len(heights), len(heights[0])
    parent = list(range(rows * columns))

    def root(square: int) -> int:
        while parent[square] != square:
            parent[square] = parent[parent[square]]
            square = parent[square]
        return square

    flooded = [False] * (rows * columns)
    order = sorted(range(rows * columns), key=lambda each: heights[each // columns][each % columns])
    for square in order:
        flooded[square] = True
        row, column = divmod(square, columns)
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < rows and 0 <= c < columns and flooded[r * columns + c]:
                parent[root(square)] = root(r * columns + c)
        if root(0) == root(rows * columns - 1) and flooded[0] and flooded[-1]:
            return heights[row][column]
    raise AssertionError


def land(rows: int, columns: int, low: int, high: int) -> list[list[int]]:
    return [[rng.randint(low, high) for _ in range(columns)] for _ in range(rows)]


def serpent(size: int) -> list[list[int]]:
    """A single low way that goes to and fro between ridges."""
    rows = [[1] * size if row % 2 == 0 else [500_000] * size for row in range(size - 1 + size % 2)]
    for row in range(1, len(rows), 2):
        rows[row][-1 if row % 4 == 1 else 0] = 2
    return rows


def tests():
    yield "one", ([[7]],)
    yield "row", ([[1, 5, 2]],)
    yield "column", ([[1], [5], [2]],)
    yield "flat", ([[3, 3], [3, 3]],)
    yield "around", ([[0, 9, 0, 0, 0], [0, 9, 0, 9, 0], [0, 0, 0, 9, 0]],)
    yield "up-and-left", ([[1, 1, 1, 9], [9, 9, 1, 9], [1, 1, 1, 9], [1, 9, 9, 9], [1, 1, 1, 1]],)
    yield "far-but-low", ([[0, 50, 0], [1, 50, 50], [1, 1, 1]],)
    yield "random-small", (land(6, 7, 0, 20),)
    yield "random-wide", (land(2, 80, 0, 1_000_000),)
    yield "random-large", (land(80, 80, 0, 1_000_000),)
    yield "few-heights", (land(80, 80, 0, 3),)
    yield "serpent", (serpent(79),)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
