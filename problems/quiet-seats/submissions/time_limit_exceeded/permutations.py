from itertools import permutations

n, k = map(int, input().split())
for row in permutations(range(1, n + 1)):
    if all(abs(one - other) >= k for one, other in zip(row, row[1:])):
        print(*row)
        break
else:
    print("impossible")
