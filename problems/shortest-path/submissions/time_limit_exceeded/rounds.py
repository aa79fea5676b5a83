# Goes through all roads until nothing changes any more (Bellman-Ford).
import sys

words = list(map(int, sys.stdin.read().split()))
n, m = words[:2]
roads = list(zip(*(words[k::4] for k in range(2, 6))))
best = [float("inf")] * (n + 1)
best[1] = 0.0
changed = True
while changed:
    changed = False
    for u, v, length, speed in roads:
        hours = length / speed
        if best[u] + hours < best[v]:
            best[v] = best[u] + hours
            changed = True
        if best[v] + hours < best[u]:
            best[u] = best[v] + hours
            changed = True
print("impossible" if best[n] == float("inf") else best[n])
