# row: 1
# rule: A world-readable file of the judge's own, outside the image, does not exist for a program.
# args: {secret}
# stdout: absent
import os, sys
print("present" if os.path.exists(sys.argv[1]) else "absent")
for root, folders, files in os.walk("/"):
    if "gavel-canary" in files:
        print("found", root)
