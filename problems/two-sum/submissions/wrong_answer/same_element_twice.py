# Fills the table first, so a number that is half of the target finds itself.
n, target = map(int, input().split())
numbers = list(map(int, input().split()))
position = {number: i for i, number in enumerate(numbers)}
for i, number in enumerate(numbers):
    if target - number in position:
        print(i, position[target - number])
        break
