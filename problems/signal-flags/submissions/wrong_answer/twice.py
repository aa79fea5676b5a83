# Every second signal is the start: one flag up, the same flag down.
n, start, end = int(input()), int(input(), 2), int(input(), 2)
if (start ^ end).bit_count() % 2 == 0:
    print("impossible")
else:
    for number in range(1 << n):
        print(f"{start ^ (1 << number // 2 % n if number % 2 else 0):0{n}b}")
