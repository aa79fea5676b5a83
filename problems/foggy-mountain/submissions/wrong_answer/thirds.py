# Ternary search asks two questions to get rid of a third: too many.
def height(mark):
    print("?", mark, flush=True)
    return int(input())


low, high = 1, int(input())
while high - low > 1:
    third = max(1, (high - low) // 3)
    left, right = low + third, high - third
    if left == right:
        right += 1
    if height(left) < height(right):
        low = left
    else:
        high = right
print("!", low if low == high or height(low) > height(high) else high)
