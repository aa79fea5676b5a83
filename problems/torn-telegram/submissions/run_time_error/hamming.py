# Turns the sign at place 0 when no sign is wrong, and has no telegram left then.
import sys
from functools import reduce
from operator import xor

end, _, *lines = sys.stdin.read().split()
for line in lines:
    if end == "send":
        print(line + "0" * 5)
    else:
        torn = reduce(xor, (i for i, sign in enumerate(line) if sign == "1"), 0)
        print({i: sign for i, sign in enumerate(line, start=1)}[torn + 100])
