"""Writes data/secret, the same in every run: python3 generators/generate.py

Which signs the line turns is the output validator's affair: each of every telegram's in turn.
"""

import random
from pathlib import Path

SECRET = Path(__file__).parent.parent / "data" / "secret"
rng = random.Random("torn-telegram")


def tests():
    yield "nothing", ["0" * 16]
    yield "all", ["1" * 16]
    yield "nothing-often", ["0" * 16] * 30
    yield "all-often", ["1" * 16] * 30
    yield "one-sign", [f"{1 << i:016b}" for i in range(16)] * 2
    yield "two-signs", [f"{1 << i | 1 << j:016b}" for i in range(16) for j in range(i)]
    yield "all-but-one", [f"{65535 ^ 1 << i:016b}" for i in range(16)] * 2
    yield "in-turns", ["01" * 8, "10" * 8, "0011" * 4, "1100" * 4] * 25
    yield "halves", ["0" * 8 + "1" * 8, "1" * 8 + "0" * 8] * 25
    yield "one-message", [f"{rng.getrandbits(16):016b}"] * 24
    yield "random", [f"{rng.getrandbits(16):016b}" for _ in range(2000)]


def main() -> None:
    SECRET.mkdir(parents=True, exist_ok=True)
    for number, (name, messages) in enumerate(tests(), start=1):
        base = SECRET / f"{number:02}-{name}"
        lines = "".join(f"{message}\n" for message in messages)
        base.with_suffix(".in").write_text(f"send\n{len(messages)}\n{lines}")
        base.with_suffix(".ans").write_text(lines)


if __name__ == "__main__":
    main()
