# row: 67
# rule: Stderr is cut at its cap without an error.
# stdout: fine
# stderr_bytes: 65536
import sys
sys.stderr.write("x" * 1000000)
print("fine")
