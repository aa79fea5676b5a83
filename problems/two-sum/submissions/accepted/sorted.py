# Two pointers on the sorted list; works without hashing.
n, target = map(int, input().split())
numbers = list(map(int, input().split()))
order = sorted(range(n), key=numbers.__getitem__)
low, high = 0, n - 1
while (total := numbers[order[low]] + numbers[order[high]]) != target:
    if total < target:
        low += 1
    else:
        high -= 1
print(*sorted((order[low], order[high])))
