n = int(input())
print('5.0")
