n = int(input())
board = [input() for _ in range(n)]

# Count the ways to place n queens.
ways = 0

print(ways)
