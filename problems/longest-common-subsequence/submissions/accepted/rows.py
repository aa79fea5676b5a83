# The table row by row; only the row before is ever needed.
a = input()
b = input()
row = [0] * (len(b) + 1)
for x in a:
    left = diagonal = 0
    for j, y in enumerate(b, start=1):
        above = row[j]
        if x == y:
            left = diagonal + 1
        elif above > left:
            left = above
        row[j] = left
        diagonal = above
print(row[-1])
