# Looks for a place as if each lantern could be reached with a pole of any length.
import math
import sys

words = list(map(int, sys.stdin.read().split()))
lanterns = list(zip(words[1::2], words[2::2]))
low, high = 0.0, 3e6
for _ in range(70):
    pole = (low + high) / 2
    asides = [math.sqrt(pole * pole - h * h) for _, h in lanterns]
    left = max(x - aside for (x, _), aside in zip(lanterns, asides))
    right = min(x + aside for (x, _), aside in zip(lanterns, asides))
    low, high = (low, pole) if left <= right else (pole, high)
print(high)
