"""Exits with 42 if standard input is a valid test."""

import re
import sys
from collections import Counter

NUMBER = r"(?:0|-?[1-9][0-9]*)"
text = sys.stdin.read()
if not re.fullmatch(rf"{NUMBER} {NUMBER}\n{NUMBER}(?: {NUMBER})*\n", text):
    sys.exit("not two lines of numbers with single blanks between")
first, second = text.splitlines()
n, target = map(int, first.split())
numbers = list(map(int, second.split()))
if not (2 <= n <= 150_000 and n == len(numbers)):
    sys.exit(f"n is {n}, and there are {len(numbers)} numbers")
if abs(target) > 4_000_000_000 or any(abs(number) > 2_000_000_000 for number in numbers):
    sys.exit("a number is too large")
seen = Counter()
pairs = 0
for number in numbers:
    pairs += seen[target - number]
    seen[number] += 1
if pairs != 1:
    sys.exit(f"{pairs} pairs have the sum, expected exactly one")
sys.exit(42)
