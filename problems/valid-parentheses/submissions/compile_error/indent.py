def is_valid(brackets):
expected = []
    return not expected


for _ in range(int(input())):
    print("yes" if is_valid(input()) else "no")
