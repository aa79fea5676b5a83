# Tries every order of the columns.
from itertools import permutations

n = int(input())
board = [input() for _ in range(n)]
ways = 0
for columns in permutations(range(n)):
    if (
        len({x + y for y, x in enumerate(columns)}) == n
        and len({x - y for y, x in enumerate(columns)}) == n
        and all(board[y][x] == "." for y, x in enumerate(columns))
    ):
        ways += 1
print(ways)
