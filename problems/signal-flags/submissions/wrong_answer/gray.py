# The usual Gray code from the start on ends where it likes.
n, start, end = int(input()), int(input(), 2), int(input(), 2)
if (start ^ end).bit_count() % 2 == 0:
    print("impossible")
else:
    for number in range(1 << n):
        print(f"{number ^ number >> 1 ^ start:0{n}b}")
