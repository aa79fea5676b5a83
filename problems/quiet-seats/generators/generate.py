"""Writes data/secret, the same in every run: python3 generators/generate.py

An answer says only whether there is an order; the output validator looks at the order itself.
"""

from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
TESTS = {
    "alone": (1, 1),
    "alone-and-far": (1, 50_000),
    "two": (2, 1),
    "two-far": (2, 2),
    "any-order": (9, 1),
    "four": (4, 2),
    "half-of-even": (10, 5),
    "more-than-half-of-even": (10, 6),
    "half-of-odd": (11, 5),
    "more-than-half-of-odd": (11, 6),
    "third": (30, 10),
    "large-even": (50_000, 25_000),
    "large-odd": (49_999, 24_999),
    "large-impossible": (49_999, 25_000),
    "large-small-step": (50_000, 2),
}


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, (n, k)) in enumerate(TESTS.items(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text(f"{n} {k}\n")
        possible = n == 1 or 2 * k <= n
        base.with_suffix(".ans").write_text("possible\n" if possible else "impossible\n")


if __name__ == "__main__":
    main()
