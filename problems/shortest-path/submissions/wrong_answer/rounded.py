# Rounds to two digits.
import heapq
import sys

words = list(map(int, sys.stdin.read().split()))
n, m = words[:2]
adjacent = [[] for _ in range(n + 1)]
for u, v, length, speed in zip(*(words[k::4] for k in range(2, 6))):
    adjacent[u].append((v, length / speed))
    adjacent[v].append((u, length / speed))
done = set()
queue = [(0.0, 1)]
while queue:
    time, town = heapq.heappop(queue)
    if town == n:
        print(f"{time:.2f}")
        break
    if town not in done:
        done.add(town)
        for other, hours in adjacent[town]:
            if other not in done:
                heapq.heappush(queue, (time + hours, other))
else:
    print("impossible")
