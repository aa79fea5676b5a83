a = input()
b = input()

# Find the length of their longest common subsequence.
length = 0

print(length)
