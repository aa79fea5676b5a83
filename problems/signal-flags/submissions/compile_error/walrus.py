if n := int(input()) == 1 print("01")
