# row: 28
# rule: A stopped child dies with the run.
# stdout: left
import os, signal
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(pid, os.WUNTRACED)
print("left")
