# row: 65
# rule: Neither ignoring SIGXCPU nor a chain of forks evades the CPU limit.
# status: time_limit
# limits: time_s=0.5 wall_s=60
import os, signal, time
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
while True:
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    if os.fork():
        if os.getpid() == 2:
            time.sleep(50)
        os._exit(0)
