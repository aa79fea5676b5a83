# Keeps a longest subsequence itself in every cell of the table.
a = input()
b = input()
table = [[""] * (len(b) + 1)]
for x in a:
    before = table[-1]
    row = [""]
    for j, y in enumerate(b):
        row.append(before[j] + x if x == y else max(before[j + 1], row[j], key=len))
    table.append(row)
print(len(table[-1][-1]))
