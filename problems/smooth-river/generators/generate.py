"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("smooth-river")


def solve(levels: list[float], width: int) -> list[float]:
    thousandths = [round(level * 1000) for level in levels]
    total, means = sum(thousandths[:width]), []
    for at in range(width, len(levels) + 1):
        means.append(total / 1000 / width)
        if at < len(levels):
            total += thousandths[at] - thousandths[at - width]
    return means


def river(count: int, height: int) -> list[float]:
    return [rng.randint(-height * 1000, height * 1000) / 1000 for _ in range(count)]


def tests():
    yield "one", ([3.25], 1)
    yield "width-one", ([1.0, -1.0, 0.125], 1)
    yield "all", ([1.0, 2.0, 3.0, 4.0], 4)
    yield "thirds", ([1.0, 1.0, 2.0, 2.0, 3.0], 3)
    yield "negative", ([-1.0, -2.0, -4.0], 2)
    yield "zeros", ([0.0] * 10, 3)
    yield "extremes", ([1000.0, -1000.0] * 10, 3)
    yield "random", (river(100, 10), 7)
    yield "large-narrow", (river(3_000, 1000), 2)
    yield "large-half", (river(30_000, 1000), 15_000)
    yield "large-wide", (river(20_000, 1), 19_999)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
