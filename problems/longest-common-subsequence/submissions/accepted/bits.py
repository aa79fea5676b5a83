# A row of the table as one long number: a bit is 0 where the row rises.
a = input()
b = input()
where = {}
for i, x in enumerate(a):
    where[x] = where.get(x, 0) | 1 << i
full = (1 << len(a)) - 1
row = full
for y in b:
    matches = row & where.get(y, 0)
    row = (row + matches | row - matches) & full
print(len(a) - bin(row).count("1"))
