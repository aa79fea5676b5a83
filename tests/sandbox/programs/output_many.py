# row: 7
# rule: More output files than the cap are refused as too much output.
# collect: *.txt
# status: output_limit
# files:
for number in range(1000):
    open(f"{number}.txt", "w").close()
