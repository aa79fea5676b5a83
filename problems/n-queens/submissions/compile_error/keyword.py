n = int(input())
class = [input() for _ in range(n)]
print(len(class))
