# Takes each letter at the first place where it fits.
a = input()
b = input()
length = at = 0
for x in a:
    found = b.find(x, at)
    if found >= 0:
        length += 1
        at = found + 1
print(length)
