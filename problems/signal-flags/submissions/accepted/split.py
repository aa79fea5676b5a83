# A mast on which start and end differ splits the signals in two halves; the way changes it once,
# where the rest of the masts is one flag away from the start.
def walk(start, end, masts):
    if len(masts) == 1:
        return [start, end]
    mast = next(mast for mast in masts if (start ^ end) & mast)
    rest = [other for other in masts if other != mast]
    between = start ^ rest[0]
    return walk(start, between, rest) + walk(between ^ mast, end, rest)


n, start, end = int(input()), int(input(), 2), int(input(), 2)
if (start ^ end).bit_count() % 2 == 0:
    print("impossible")
else:
    order = walk(start, end, [1 << i for i in range(n)])
    print("\n".join(f"{signal:0{n}b}" for signal in order))
