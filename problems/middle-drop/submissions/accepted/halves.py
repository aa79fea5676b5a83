# Counts by the upper 16 bits; then sorts those that share the upper bits of the middle one.
def main():
    n, s, a, c, m = map(int, input().split())
    count = [0] * 65536
    drop = s
    for _ in range(n):
        count[drop >> 16] += 1
        drop = (a * drop + c) % m
    rank, upper = n // 2, 0
    while rank >= count[upper]:
        rank -= count[upper]
        upper += 1
    lower = [0] * 65536
    low, high = upper << 16, (upper + 1) << 16
    drop = s
    for _ in range(n):
        if low <= drop < high:
            lower[drop - low] += 1
        drop = (a * drop + c) % m
    value = 0
    while rank >= lower[value]:
        rank -= lower[value]
        value += 1
    print(low + value)


main()
