# The middle of the range is not the middle of the drops.
n, s, a, c, m = map(int, input().split())
low = high = s
for _ in range(n):
    low, high = min(low, s), max(high, s)
    s = (a * s + c) % m
print((low + high) // 2)
