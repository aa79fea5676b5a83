import heapq
import sys

words = list(map(int, sys.stdin.read().split()))
n, m = words[:2]
adjacent = [[] for _ in range(n + 1)]
for u, v, length, speed in zip(*(words[k::4] for k in range(2, 6))):
    hours = length / speed
    adjacent[u].append((v, hours))
    adjacent[v].append((u, hours))
best = [float("inf")] * (n + 1)
best[1] = 0.0
queue = [(0.0, 1)]
while queue:
    time, town = heapq.heappop(queue)
    if time > best[town]:
        continue
    for other, hours in adjacent[town]:
        if time + hours < best[other]:
            best[other] = time + hours
            heapq.heappush(queue, (time + hours, other))
print("impossible" if best[n] == float("inf") else best[n])
