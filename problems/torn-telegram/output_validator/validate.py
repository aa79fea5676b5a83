"""The line: turns a sign of each telegram, asks for a second pass, and compares what comes of it."""

import re
import sys
from pathlib import Path

folder = Path(sys.argv[3])
sent = folder / "sent"
messages = Path(sys.argv[2]).read_text().split()
lines = sys.stdin.read().split()


def refuse(why):
    (folder / "judgemessage.txt").write_text(why)
    sys.exit(43)


def torn(number, telegram):
    """Turn one sign, another one each time; none now and then."""
    place = (number * 7 + 4) % (len(telegram) + 1)
    if place == len(telegram):
        return telegram
    return telegram[:place] + ("1" if telegram[place] == "0" else "0") + telegram[place + 1 :]


if len(lines) != len(messages):
    refuse(f"{len(lines)} lines for {len(messages)} telegrams")
if sent.exists():
    for number, (message, line) in enumerate(zip(messages, lines), start=1):
        if message != line:
            refuse(f"message {number} was {message}, {line[:40]} is what the receiver makes of it")
    sys.exit(42)
most = len(messages[0]) + 8
for number, line in enumerate(lines, start=1):
    if not re.fullmatch("[01]+", line) or len(line) > most:
        refuse(f"telegram {number} is not one of 1 to {most} signs: {line[:40]}")
sent.touch()
arrived = "".join(f"{torn(number, line)}\n" for number, line in enumerate(lines))
(folder / "nextpass.in").write_text(f"receive\n{len(lines)}\n{arrived}")
sys.exit(42)
