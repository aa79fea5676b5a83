# One bit for each column; the attacked ones move sideways from row to row.
n = int(input())
free = [sum(1 << x for x, c in enumerate(input()) if c == ".") for _ in range(n)]


def place(y, columns, left, right):
    if y == n:
        return 1
    ways = 0
    open_squares = free[y] & ~(columns | left | right)
    while open_squares:
        square = open_squares & -open_squares
        open_squares -= square
        ways += place(y + 1, columns | square, (left | square) << 1, (right | square) >> 1)
    return ways


print(place(0, 0, 0, 0))
