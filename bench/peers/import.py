import sys

from serve import importlib, say, serve, stopwatch

name = sys.argv[1]
if importlib.util.find_spec(name) is None:
    say({"missing": f"No module named '{name}'"})
    sys.exit(0)


def work():
    stop = stopwatch()
    importlib.import_module(name)
    return stop()


serve(f"import {name}", work)
