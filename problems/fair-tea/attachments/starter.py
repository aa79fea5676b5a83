n, k = map(int, input().split())
bricks = list(map(int, input().split()))

# Count the ways.
ways = 0

print(ways)
