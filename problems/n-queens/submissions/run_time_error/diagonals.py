# A board has more diagonals than columns.
n = int(input())
board = [input() for _ in range(n)]
columns, rising, falling = [False] * n, [False] * n, [False] * 2 * n


def place(y):
    if y == n:
        return 1
    ways = 0
    for x in range(n):
        if board[y][x] == "." and not (columns[x] or rising[x + y] or falling[x - y]):
            columns[x] = rising[x + y] = falling[x - y] = True
            ways += place(y + 1)
            columns[x] = rising[x + y] = falling[x - y] = False
    return ways


print(place(0))
