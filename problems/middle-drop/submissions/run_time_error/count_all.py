# One counter for each weight that there might be, if they are few.
n, s, a, c, m = map(int, input().split())
count = [0] * 1000
for _ in range(n):
    count[s] += 1
    s = (a * s + c) % m
rank, value = n // 2, 0
while rank >= count[value]:
    rank -= count[value]
    value += 1
print(value)
