import sys

end, _, *lines = sys.stdin.read().split()
for line in lines:
    if end == "send":
        print(line)  # Add what the receiver needs.
    else:
        print(line)  # Find the message.
