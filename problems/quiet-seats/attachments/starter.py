n, k = map(int, input().split())

# Find an order; leave it empty if there is none.
row = []

print(*row if row else ["impossible"])
