# Finds the longest common substring: letters without a gap.
a = input()
b = input()
best = 0
row = [0] * (len(b) + 1)
for x in a:
    before = row
    row = [0]
    for j, y in enumerate(b):
        row.append(before[j] + 1 if x == y else 0)
    best = max(best, max(row))
print(best)
