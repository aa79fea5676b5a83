def height(mark)
    print("?", mark, flush=True)
