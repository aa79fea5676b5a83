n = int(input())
lanterns = [tuple(map(int, input().split())) for _ in range(n)]  # x, h

# Find the length of the pole.
pole = 0.0

print(pole)
