"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("deepest-cave")


def solve(caves: list[int | None]) -> int:
    level, litres, at = [0] if caves else [], 0, 1
    while level:
        litres = sum(caves[number] for number in level)
        children = list(range(at, min(len(caves), at + 2 * len(level))))
        at += 2 * len(level)
        level = [number for number in children if caves[number] is not None]
    return litres


def random_caves(count: int, spread: float) -> list[int | None]:
    caves, open_places = [rng.randint(0, 100_000)], 2
    made = 1
    while made < count and open_places:
        last_chance = open_places == 1
        if last_chance or rng.random() < spread:
            caves.append(rng.randint(0, 100_000))
            open_places, made = open_places + 1, made + 1
        else:
            caves.append(None)
            open_places -= 1
    while caves[-1] is None:
        caves.pop()
    return caves


def chain(count: int, left: bool) -> list[int | None]:
    caves: list[int | None] = [1]
    for number in range(2, count + 1):
        caves += [number] if left else [None, number]
        if left and number < count:
            caves.append(None)
    return caves


def tests():
    yield "no-cave", ([],)
    yield "one", ([5],)
    yield "dry", ([0, 0, 0],)
    yield "left", (chain(5, left=True),)
    yield "right", (chain(5, left=False),)
    yield "leaves-above", ([1, 50, 2, None, None, 3],)
    yield "full", (list(range(127)),)
    yield "random", (random_caves(100, 0.6),)
    yield "wide", (random_caves(10_000, 0.9),)
    yield "narrow", (random_caves(10_000, 0.52),)
    yield "deepest-left", (chain(3_000, left=True),)
    yield "deepest-right", (chain(3_000, left=False),)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
