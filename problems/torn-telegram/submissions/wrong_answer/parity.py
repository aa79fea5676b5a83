# Knows from one parity that something is wrong, but not what.
import sys

end, _, *lines = sys.stdin.read().split()
for line in lines:
    if end == "send":
        print(line + str(line.count("1") % 2))
    else:
        print(line[:-1] if line.count("1") % 2 == 0 else "0" + line[1:-1])
