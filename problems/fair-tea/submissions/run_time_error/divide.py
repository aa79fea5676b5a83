# Divides by the weight instead of by the merchants; a brick may weigh nothing.
n, k = map(int, input().split())
bricks = list(map(int, input().split()))
ways = 0
for left in range(n):
    weight = 0
    for brick in bricks[left:]:
        weight += brick
        ways += weight % k == 0 and k // brick >= 0
print(ways)
