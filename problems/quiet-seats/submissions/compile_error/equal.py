n, k = map(int, input().split())
if n = 1:
    print(1)
