# Goes on comparing what it knows.
n = int(input())
print("?", 1, flush=True)
first = int(input())
while first > 0:
    first = max(first, n)
print("!", n)
