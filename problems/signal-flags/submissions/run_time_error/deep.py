# A depth of one call for each signal is too much for Python's usual limit.
n, start, end = int(input()), int(input(), 2), int(input(), 2)


def walk(start, end, masts, then):
    if not masts:
        print(f"{start:0{n}b}")
        return then()
    mast = next(mast for mast in masts if (start ^ end) & mast)
    rest = [other for other in masts if other != mast]
    between = start ^ rest[0] if rest else start
    walk(start, between, rest, lambda: walk(between ^ mast, end, rest, then))


if (start ^ end).bit_count() % 2 == 0:
    print("impossible")
else:
    walk(start, end, [1 << i for i in range(n)], lambda: None)
