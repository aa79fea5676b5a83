"""Writes data/secret, the same in every run: python3 generators/generate.py"""

import json
import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("convoy-turn")


def solve(convoy: list[int], k: int) -> list[int]:
    k %= len(convoy) or 1
    return convoy[len(convoy) - k :] + convoy[: len(convoy) - k]


def lorries(count: int) -> list[int]:
    return [rng.randint(-1_000_000, 1_000_000) for _ in range(count)]


def tests():
    yield "nobody", ([], 3)
    yield "nobody-ever", ([], 0)
    yield "one", ([4], 2_000_000_000)
    yield "never", ([1, 2, 3], 0)
    yield "once", ([1, 2], 1)
    yield "all-around", ([5, 6, 7, 8], 4)
    yield "all-but-one", ([5, 6, 7, 8], 3)
    yield "equal", ([3, 3, 2, 3], 2)
    yield "random", (lorries(100), 1_234_567)
    yield "large-few", (lorries(20_000), 3)
    yield "large-many", (lorries(19_997), 1_999_999_999)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, arguments) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text("".join(f"{json.dumps(each)}\n" for each in arguments))
        base.with_suffix(".ans").write_text(f"{json.dumps(solve(*arguments))}\n")


if __name__ == "__main__":
    main()
