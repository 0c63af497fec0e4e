#!/usr/bin/env python3
"""What a call of a kernel from Python costs above the kernel: of one that does
next to nothing, with arrays of NumPy and of PyTorch where it is there.

    EINFALL_LIBRARY=build/lib/libeinfall_rt.so.0 PYTHONPATH=frontend/python \\
      python3 bench/python_call.py [--count 100000] [--module k.so]

`--module` also times the same kernel as a module of TVM-FFI, made by `einfall
compile bench/empty.ein -D e=4 -o k.so`.
"""

import argparse
import os
import pathlib
import time


def report(name, call, count):
    clock = time.perf_counter_ns
    times = []
    for _ in range(count + 1000):
        begin = clock()
        call()
        times.append(clock() - begin)
    times = sorted(times[1000:])
    low, median, high = (times[int(share * count)] / 1e3 for share in (0.1, 0.5, 0.9))
    print(f"| {name} | {median:.2f} us | {low:.2f} | {high:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--module", type=os.path.abspath)
    options = parser.parse_args()
    import einfall
    import numpy

    source = pathlib.Path(__file__).with_name("empty.ein")
    kernel = einfall.load(source, extents={"e": 4}, proofs=False)
    libraries = {"NumPy": numpy}
    try:
        import torch

        libraries["PyTorch"] = torch
    except ImportError:
        pass
    module = None
    if options.module:
        import tvm_ffi

        module = tvm_ffi.load_module(options.module)
    for name, library in libraries.items():
        x = library.ones((1, 4), dtype=library.float32)
        w = library.ones((4,), dtype=library.float32)
        y = library.ones((1,), dtype=library.float32)
        report(f"{name}, output given", lambda: kernel(x=x, w=w, y=y), options.count)
        report(f"{name}, output made", lambda: kernel(x=x, w=w), options.count)
        if module:
            report(f"{name}, TVM-FFI", lambda: module.empty(x, w, y), options.count)


if __name__ == "__main__":
    main()
