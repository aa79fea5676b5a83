# Asks for one mark more than there are, and takes the reply for granted.
low, high = 1, int(input())
heights = {}
for mark in (low, (low + high) // 2, high):
    print("?", mark, flush=True)
    heights[mark] = int(input())
print("!", next(m for m in heights if heights[m] > heights[m - 1] and heights[m] > heights[m + 1]))
