end = input()
if end == "send":
    print(input())
esle:
    print(input())
