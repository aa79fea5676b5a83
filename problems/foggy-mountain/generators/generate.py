"""Writes data/secret, the same in every run: python3 generators/generate.py

A test is n, the summit, and how steep the mountain is on either side; the output validator makes
the heights of it.
"""

import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("foggy-mountain")
TESTS = {
    "one": (1, 1, 8, 8),
    "two-up": (2, 2, 8, 100),
    "three-middle": (3, 2, 9, 8),
    "three-down": (3, 1, 9, 8),
    "down": (1000, 1, 500, 90),
    "up": (1000, 1000, 12, 90),
    "second": (100_000, 2, 9999, 8),
    "last-but-one": (100_000, 99_999, 8, 9999),
    "largest-up": (100_000, 100_000, 9000, 8),
    "largest-down": (100_000, 1, 8, 9000),
    "power-of-two": (65_536, 32_769, 8, 8),
    "long-way-up": (100_000, 99_000, 8, 5000),
    "random": (99_991, rng.randint(1, 99_991), rng.randint(8, 9000), rng.randint(8, 9000)),
}


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, test) in enumerate(TESTS.items(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text(" ".join(map(str, test)) + "\n")
        base.with_suffix(".ans").write_text(f"{test[1]}\n")


if __name__ == "__main__":
    main()
