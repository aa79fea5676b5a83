# The lower half and the upper half take turns; with an odd number the middle one begins.
n, k = map(int, input().split())
half = n // 2
if n == 1:
    print(1)
elif k > half:
    print("impossible")
elif n % 2:
    low, high = range(1, half + 1), range(half + 2, n + 1)
    print(half + 1, *(pupil for pair in zip(low, high) for pupil in pair))
else:
    low, high = range(half, 0, -1), range(n, half, -1)
    print(*(pupil for pair in zip(low, high) for pupil in pair))
