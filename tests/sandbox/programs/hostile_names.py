# row: 10
# rule: Names with newlines, bad UTF-8, dashes or 255 bytes come back as they are or not at all.
# collect: *.out
# files: -rf.out=1
open(b"-rf.out", "w").write("1")
open(b"\xc3\n-rf", "w").write("2")
open(b"x" * 255, "w").write("3")
