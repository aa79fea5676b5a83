"""Exits with 42 if standard input is a valid test."""

import re
import sys

if not re.fullmatch(r"[a-z]{1,2000}\n[a-z]{1,2000}\n", sys.stdin.read()):
    sys.exit("expected two lines of 1 to 2000 letters")
sys.exit(42)
