# Sums of places as check signs; the receiver tries all messages, with each sign turned.
import sys


def telegram(message):
    check = 0
    for place, sign in enumerate(message, start=1):
        if sign == "1":
            check ^= place << 3 ^ place * 37
    return message + f"{check % 256:08b}"


def near(one, other):
    return sum(a != b for a, b in zip(one, other)) <= 1


end, _, *lines = sys.stdin.read().split()
for line in lines:
    if end == "send":
        print(telegram(line))
    else:
        width = len(line) - 8
        everything = (f"{number:0{width}b}" for number in range(1 << width))
        print([message for message in everything if near(telegram(message), line)][0])
