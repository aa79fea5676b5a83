# Sends the message as it is, and believes what arrives.
import sys

_, _, *lines = sys.stdin.read().split()
print(*lines, sep="\n")
