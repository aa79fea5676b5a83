# Takes a way of the fewest roads.
import sys
from collections import deque

words = list(map(int, sys.stdin.read().split()))
n, m = words[:2]
adjacent = [[] for _ in range(n + 1)]
for u, v, length, speed in zip(*(words[k::4] for k in range(2, 6))):
    adjacent[u].append((v, length / speed))
    adjacent[v].append((u, length / speed))
best = {1: 0.0}
queue = deque([1])
while queue:
    town = queue.popleft()
    for other, hours in adjacent[town]:
        if other not in best:
            best[other] = best[town] + hours
            queue.append(other)
print(best.get(n, "impossible"))
