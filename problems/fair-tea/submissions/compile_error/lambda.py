n, k = map(int, input().split())
rests = lambda brick: return brick % k
