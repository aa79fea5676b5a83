# Signs at places that are powers of two make the places of all ones come to nothing, in xor.
import sys
from functools import reduce
from operator import xor


def places(count):
    return [place for place in range(1, count + 1) if place & (place - 1)]


def send(message):
    count = len(message)
    while len(places(count)) < len(message):
        count += 1
    ones = [place for place, sign in zip(places(count), message) if sign == "1"]
    check = reduce(xor, ones, 0)
    ones += [1 << bit for bit in range(8) if check >> bit & 1]
    return "".join("1" if place in ones else "0" for place in range(1, count + 1))


def receive(telegram):
    signs = ["", *telegram]
    torn = reduce(xor, (place for place, sign in enumerate(signs) if sign == "1"), 0)
    if torn:
        signs[torn] = "1" if signs[torn] == "0" else "0"
    return "".join(signs[place] for place in places(len(telegram)))


end, _, *lines = sys.stdin.read().split()
for line in lines:
    print(send(line) if end == "send" else receive(line))
