"""The other end of bench/children.mjs: a line of JSON in, a line of JSON out."""

import importlib.util
import json
import platform
import sys
import time


def say(message):
    print(json.dumps(message), flush=True)


def need(*names):
    """Imports modules; says that this peer is not here when one is lacking."""
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as error:
        say({"missing": f"{error}, Python {platform.python_version()}"})
        sys.exit(0)


def serve(version, work):
    say({"ready": True, "version": f"{version}, Python {platform.python_version()}"})
    for line in sys.stdin:
        say(work(**json.loads(line)))


def stopwatch():
    wall, cpu = time.perf_counter(), time.process_time()
    return lambda: {"wall": 1000 * (time.perf_counter() - wall), "cpu": 1000 * (time.process_time() - cpu)}


def throughput(ms, work):
    stop, images = stopwatch(), 0
    while True:
        images += work()
        spent = stop()
        if spent["wall"] >= ms:
            return {"rate": images / spent["wall"] * 1000, "cpu": spent["cpu"] / images}


def peak_memory():
    """Largest resident set in MiB."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
