# 32 times through all drops.
def main():
    n, s, a, c, m = map(int, input().split())
    low, high = 0, m - 1
    while low < high:
        guess = (low + high) // 2
        drop, below = s, 0
        for _ in range(n):
            below += drop <= guess
            drop = (a * drop + c) % m
        if below > n // 2:
            high = guess
        else:
            low = guess + 1
    print(low)


main()
