# Two neighbours tell whether the summit is to the right.
def height(mark):
    print("?", mark, flush=True)
    return int(input())


low, high = 1, int(input())
while low < high:
    middle = (low + high) // 2
    if height(middle) < height(middle + 1):
        low = middle + 1
    else:
        high = middle
print("!", low)
