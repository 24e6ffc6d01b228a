from serve import need, peak_memory, serve, stopwatch

(torch,) = need("torch")


def work(file, **_):
    before, stop = peak_memory(), stopwatch()
    kept = torch.load(file, map_location="cpu")
    time = stop()
    peak = peak_memory()
    assert len(kept["state_dict"]) > 0
    return {**time, "peak": peak, "rise": peak - before}


serve(f"torch {torch.__version__}", work)
