n, target = map(int, input().split())
seen = {}
for j, number in enumerate(map(int, input().split())):
    if target - number in seen:
        print(seen[target - number], j)
        break
    seen[number] = j
