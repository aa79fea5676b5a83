# A list of numbers takes 9 times as much as the numbers.
n, s, a, c, m = map(int, input().split())
drops = []
for _ in range(n):
    drops.append(s)
    s = (a * s + c) % m
print(sorted(drops)[n // 2])
