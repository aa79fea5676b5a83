# row: 68
# rule: A program that closes its output goes on.
# exit_code: 7
# status: runtime_error
import os, time
os.close(1); os.close(2)
time.sleep(0.05)
os._exit(7)
