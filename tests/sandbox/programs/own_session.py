# row: 36
# rule: No process gets a share of the processors beside the run's own, as the kernel gives to a session.
# stdout: 2
import os
sessions = {os.getsid(0)}
for _ in range(3):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.write(theirs, bytes([os.getsid(0)]))
        os._exit(0)
    sessions.add(os.read(ours, 1)[0])
    os.wait()
print(*sessions)
