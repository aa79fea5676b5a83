# row: 7
# rule: A sparse file beyond the cap on file size can't be made.
# collect: big
# signal: SIGXFSZ
# status: output_limit
# files: big=
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
open("big", "w").truncate(1 << 40)
