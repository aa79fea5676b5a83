# Remembers what it found, but the interpreter's recursion limit ends it first.
a = input()
b = input()
known = {}


def lcs(i, j):
    if i == len(a) or j == len(b):
        return 0
    if (i, j) not in known:
        if a[i] == b[j]:
            known[i, j] = 1 + lcs(i + 1, j + 1)
        else:
            known[i, j] = max(lcs(i + 1, j), lcs(i, j + 1))
    return known[i, j]


print(lcs(0, 0))
