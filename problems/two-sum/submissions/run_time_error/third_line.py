# Expects the target on a line of its own, at the end.
n = int(input().split()[0])
numbers = list(map(int, input().split()))
target = int(input())
for i in range(n):
    if target - numbers[i] in numbers[i + 1 :]:
        print(i, numbers.index(target - numbers[i], i + 1))
