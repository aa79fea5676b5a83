# From each brick to the right: too slow in Python even for the second group.
n, k = map(int, input().split())
bricks = list(map(int, input().split()))
print(sum(sum(bricks[left:right]) % k == 0 for right in range(n + 1) for left in range(right)))
