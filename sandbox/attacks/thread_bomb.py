# row: 31
# rule: Threads count as processes.
# stdout: refused
import threading
hold = threading.Event()
try:
    for number in range(500):
        threading.Thread(target=hold.wait, daemon=True).start()
    print("unlimited")
except RuntimeError:
    print("refused")
