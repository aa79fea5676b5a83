a = input()
b = input()
row = [0] * (len(b) + 1
for x in a:
    print(row)
