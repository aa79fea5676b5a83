# Tries the signals in every order.
from itertools import permutations

n, start, end = int(input()), int(input(), 2), int(input(), 2)
others = [signal for signal in range(1 << n) if signal not in (start, end)]
for middle in permutations(others):
    order = [start, *middle, end]
    if start != end and all((a ^ b).bit_count() == 1 for a, b in zip(order, order[1:])):
        print("\n".join(f"{signal:0{n}b}" for signal in order))
        break
else:
    print("impossible")
