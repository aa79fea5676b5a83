def is_valid(brackets):
    return True


for _ in range(int(input())):
    print("yes" if is_valid(input()) else "no")
