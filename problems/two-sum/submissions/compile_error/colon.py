n, target = map(int, input().split())
numbers = list(map(int, input().split()))
for i in range(n)
    print(i)
