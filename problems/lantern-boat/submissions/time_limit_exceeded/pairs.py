# Any two lanterns may be those that decide.
import sys

words = list(map(int, sys.stdin.read().split()))
lanterns = sorted(set(zip(words[1::2], words[2::2])))
square = max(h * h for _, h in lanterns)
for x, h in lanterns:
    for y, g in lanterns:
        if y > x:
            boat = min(max((y * y + g * g - x * x - h * h) / 2 / (y - x), x), y)
            square = max(square, max((x - boat) ** 2 + h * h, (y - boat) ** 2 + g * g))
print(square**0.5)
