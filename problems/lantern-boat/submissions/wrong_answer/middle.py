# Lies in the middle between the outermost lanterns, however high the others hang.
import math
import sys

words = list(map(int, sys.stdin.read().split()))
lanterns = list(zip(words[1::2], words[2::2]))
boat = (min(lanterns)[0] + max(lanterns)[0]) / 2
print(max(math.hypot(x - boat, h) for x, h in lanterns))
