"""Writes data/secret, the same in every run: python3 generators/generate.py"""

from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
M = 2**32
TESTS = {
    "one": (1, 5, 3, 3, 7),
    "one-largest": (1, M - 1, 1, 1, M),
    "equal": (99, 17, 1, 0, 100),
    "two-values": (7, 0, 1, 1, 2),
    "rising": (1001, 0, 1, 1, M),
    "falling": (1001, 5000, 1, M - 1, M),
    "small": (9999, 1, 75, 74, 65_537),
    "high-half-alone": (9999, 0, 1, 65_536, M),
    "low-half-alone": (65_535, 0, 1, 1, 65_536),
    "large": (1_999_999, 42, 3_141_592_653, 1_013_904_223, M),
}


def middle(n: int, s: int, a: int, c: int, m: int) -> int:
    drops = []
    for _ in range(n):
        drops.append(s)
        s = (a * s + c) % m
    return sorted(drops)[n // 2]


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, test) in enumerate(TESTS.items(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text(" ".join(map(str, test)) + "\n")
        base.with_suffix(".ans").write_text(f"{middle(*test)}\n")


if __name__ == "__main__":
    main()
