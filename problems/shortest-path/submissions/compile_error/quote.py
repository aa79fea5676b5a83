import heapq

n, m = map(int, input().split())
print("impossible)
