# row: 83
# rule: An honest program reads its input, writes its output and ends.
# stdin: 5
# stdout: 5 1000 1000 gavel
import os, socket, sys
print(len(sys.stdin.read()), os.getuid(), os.getgid(), socket.gethostname())
