"""Writes data/secret, the same in every run: python3 generators/generate.py

An answer says only whether there is an order; the output validator looks at the order itself.
"""

import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("signal-flags")


def opposite(signal: str) -> str:
    return "".join("10"[int(sign)] for sign in signal)


def anyhow(n: int) -> str:
    return "".join(rng.choices("01", k=n))


def odd_pair(n: int) -> tuple[str, str]:
    start, end = anyhow(n), anyhow(n)
    while (start + end).count("1") % 2 == 0:
        end = anyhow(n)
    return start, end


def tests():
    yield "one-mast", "0", "1"
    yield "one-mast-down", "1", "0"
    yield "same", "1", "1"
    yield "three-far", "010", "101"
    yield "three-near", "011", "010"
    yield "three-even", "011", "101"
    yield "four", *odd_pair(4)
    yield "five-opposite", "01101", opposite("01101")
    yield "six-first-mast", "000000", "100000"
    yield "six-last-mast", "111111", "111110"
    yield "ten", *odd_pair(10)
    yield "eleven-opposite", "0" * 11, "1" * 11
    yield "large-impossible", "0" * 15, "1" * 14 + "0"
    yield "large-near", "0" * 15, "0" * 14 + "1"
    start = anyhow(15)
    yield "large-opposite", start, opposite(start)
    yield "large", *odd_pair(15)


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, start, end) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        base.with_suffix(".in").write_text(f"{len(start)}\n{start}\n{end}\n")
        odd = (start + end).count("1") % 2 == 1
        base.with_suffix(".ans").write_text("possible\n" if odd else "impossible\n")


if __name__ == "__main__":
    main()
