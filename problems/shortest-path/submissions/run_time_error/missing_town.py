# A town without roads is in no dictionary.
import heapq
import sys

words = list(map(int, sys.stdin.read().split()))
n, m = words[:2]
adjacent = {}
for u, v, length, speed in zip(*(words[k::4] for k in range(2, 6))):
    adjacent.setdefault(u, []).append((v, length / speed))
    adjacent.setdefault(v, []).append((u, length / speed))
best = {1: 0.0}
queue = [(0.0, 1)]
while queue:
    time, town = heapq.heappop(queue)
    if time > best[town]:
        continue
    for other, hours in adjacent[town]:
        if time + hours < best.get(other, float("inf")):
            best[other] = time + hours
            heapq.heappush(queue, (time + hours, other))
print(best.get(n, "impossible"))
