n, s, a, c, m = map(int, input().split())

# Find the weight of the middle drop.
middle = 0

print(middle)
