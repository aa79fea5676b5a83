n, s, a, c, m = map(int, input().split())
print((a * s + c % m)
