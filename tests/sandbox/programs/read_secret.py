# row: 1
# rule: A world-readable file of the judge's own, outside the image, does not exist for a program.
# given: {secret}
# stdout: absent
# limits: time_s=20 wall_s=40
import os
print("present" if os.path.exists(open("given").read()) else "absent")
for root, folders, files in os.walk("/"):
    if "gavel-canary" in files:
        print("found", root)
