n, target = map(int, input().split())
numbers = list(map(int, input().split()))

# Find i < j with numbers[i] + numbers[j] == target.
i, j = 0, 1

print(i, j)
