def height(mark):
    print("?", mark, flush=True)
    return int(input())


n = int(input())

# Find the summit.
summit = 1

print("!", summit, flush=True)
