# row: 34
# rule: No signal, by whatever call, reaches the run's init: the run ends when and how its program does.
# stdout: alive
import ctypes, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
pidfd = libc.syscall(434, 1, 0)
for number in range(1, 65):
    if number == signal.SIGCONT:
        continue
    for _ in range(20):
        libc.kill(1, number)
        libc.sigqueue(1, number, 0)
        libc.syscall(234, 1, 1, number)
        if pidfd >= 0:
            libc.syscall(424, pidfd, number, None, 0)
time.sleep(0.1)
if os.fork() == 0:
    os._exit(0)
os.wait()
print("alive" if os.getppid() == 1 else "init is gone")
