# Takes broken squares for walls: queens do not attack across them.
n = int(input())
board = [input() for _ in range(n)]


def attacked(queens, x, y):
    for dx in (-1, 0, 1):
        for k in range(1, y + 1):
            column = x + dx * k
            if not 0 <= column < n or board[y - k][column] == "#":
                break
            if queens[y - k] == column:
                return True
    return False


def place(queens):
    y = len(queens)
    if y == n:
        return 1
    return sum(
        place([*queens, x])
        for x in range(n)
        if board[y][x] == "." and x not in queens and not attacked(queens, x, y)
    )


print(place([]))
