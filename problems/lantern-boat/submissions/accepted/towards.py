# Goes towards the farthest lantern, by half of what is left.
import sys

words = list(map(int, sys.stdin.read().split()))
lanterns = list(zip(words[1::2], words[2::2]))
low, high = float(min(lanterns)[0]), float(max(lanterns)[0])
for _ in range(45):
    boat = (low + high) / 2
    length, x = max([((x - boat) ** 2 + h * h, x) for x, h in lanterns])
    if x > boat:
        low = boat
    else:
        high = boat
print(length**0.5)
