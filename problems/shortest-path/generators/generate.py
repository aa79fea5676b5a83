"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import heapq
import random
from fractions import Fraction
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("shortest-path")


def fastest(n: int, roads: list[tuple[int, int, int, int]], number=float) -> float | None:
    adjacent = [[] for _ in range(n + 1)]
    for u, v, length, speed in roads:
        hours = number(length) / number(speed)
        adjacent[u].append((v, hours))
        adjacent[v].append((u, hours))
    done = set()
    queue = [(number(0), 1)]
    while queue:
        time, town = heapq.heappop(queue)
        if town == n:
            return float(time)
        if town in done:
            continue
        done.add(town)
        for other, hours in adjacent[town]:
            if other not in done:
                heapq.heappush(queue, (time + hours, other))
    return None


def road(u: int, v: int, high: int = 1000) -> tuple[int, int, int, int]:
    return (*rng.sample([u, v], 2), rng.randint(1, high), rng.randint(1, 130))


def anywhere(n: int, m: int, high: int = 1000) -> list[tuple[int, int, int, int]]:
    return [road(rng.randint(1, n), rng.randint(1, n), high) for _ in range(m)]


def renamed(n: int, roads: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Give all towns but the first and the last other numbers."""
    names = list(range(2, n))
    rng.shuffle(names)
    names = [0, 1, *names, n]
    return [(names[u], names[v], length, speed) for u, v, length, speed in roads]


def chain(n: int, more: int) -> list[tuple[int, int, int, int]]:
    """One way, its last road first: going through this list again and again gains one town a time.

    The *more* roads are there to be gone through; they are slow and lead nowhere new.
    """
    slow = ((i, i + 1, 999, 1) for i in rng.choices(range(1, n), k=more))
    return [*slow, *(road(i, i + 1, 20) for i in range(n - 1, 0, -1))]


def grid(width: int, height: int) -> list[tuple[int, int, int, int]]:
    roads = []
    for y in range(height):
        for x in range(width):
            here = y * width + x + 1
            if x + 1 < width:
                roads.append(road(here, here + 1))
            if y + 1 < height:
                roads.append(road(here, here + width))
    rng.shuffle(roads)
    return roads


def small():
    yield "one-town", 1, []
    yield "one-town-with-road", 1, [(1, 1, 5, 7)]
    yield "no-roads", 2, []
    yield "two-roads", 2, [(2, 1, 10, 3), (1, 2, 9, 4)]
    yield "unreachable", 6, [(1, 2, 1, 1), (2, 3, 1, 1), (4, 5, 1, 1), (5, 6, 1, 1), (1, 3, 2, 1)]
    yield "against-the-direction", 4, [(2, 1, 3, 5), (3, 2, 3, 5), (4, 3, 3, 5)]
    yield (
        "more-roads-but-faster",
        5,
        [(1, 5, 1000, 1), (1, 2, 9, 90), (2, 3, 9, 90), (3, 4, 9, 90), (4, 5, 9, 90)],
    )
    yield "longer-but-faster", 3, [(1, 3, 500, 50), (1, 2, 400, 100), (2, 3, 400, 100)]
    yield "below-one-hour", 4, [(1, 2, 1, 130), (2, 3, 1, 129), (3, 4, 1, 128), (1, 4, 40, 41)]
    # A town that is entered early by a slow road and later by a fast way.
    yield (
        "better-later",
        6,
        [(1, 2, 100, 1), (1, 3, 1, 1), (3, 4, 1, 1), (4, 5, 1, 1), (5, 2, 1, 1), (2, 6, 1, 1)],
    )
    yield "random", 60, anywhere(60, 150)


def large():
    yield "random", 3000, anywhere(3000, 9000)
    yield "grid", 2400, grid(60, 40)
    star = [road(1, v) for v in range(3, 8000)]
    yield "star-without-last", 8000, star
    yield "dense", 150, anywhere(150, 9000)
    yield "chain-longest", 50_000, renamed(50_000, chain(50_000, 20_000))


def main() -> None:
    for group, tests, number in (("1-small", small, Fraction), ("2-large", large, float)):
        directory = SECRET / group
        directory.mkdir(parents=True, exist_ok=True)
        for index, (name, n, roads) in enumerate(tests(), start=1):
            base = directory / f"{index:02}-{name}"
            lines = [(n, len(roads)), *roads]
            base.with_suffix(".in").write_text(
                "".join(" ".join(map(str, line)) + "\n" for line in lines)
            )
            time = fastest(n, roads, number)
            base.with_suffix(".ans").write_text(f"{'impossible' if time is None else time}\n")


main()
