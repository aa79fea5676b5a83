# row: 17
# rule: The running executable can't be overwritten through /proc.
# stdout: refused
try:
    open("/proc/self/exe", "r+b")
    print("opened")
except OSError:
    print("refused")
