import sys

words = iter(sys.stdin.read().split())
n, m = int(next(words)), int(next(words))
roads = [tuple(int(next(words)) for _ in range(4)) for _ in range(m)]  # u, v, length, speed

# Find the least time from town 1 to town n.
hours = None

print("impossible" if hours is None else hours)
