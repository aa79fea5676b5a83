# Takes pupils from two queues in turn; with an odd number one of them runs dry.
n, k = map(int, input().split())
if n > 1 and k > n // 2:
    print("impossible")
else:
    low, high = list(range(n // 2, 0, -1)), list(range(n, n // 2, -1))
    row = []
    while high:
        row += (high.pop(), low.pop())
    print(*row)
