"""Loads a module by TVM-FFI and calls its kernel."""

import os
import sys
import threading

import numpy
import tvm_ffi

module = tvm_ffi.load_module(os.path.abspath(sys.argv[1]))
scaled = module.scaled
print(module.get_function_doc("scaled"))
x = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
w = numpy.float32([1, 10, 100])
y, t = numpy.zeros(2, numpy.float32), numpy.zeros(2, numpy.int32)
print(scaled(x, w, y, t), y.tolist(), t.tolist())
wide = numpy.arange(12, dtype=numpy.float32).reshape(2, 6)[::-1, ::2]
scaled(wide, numpy.float32([1, 1, 1]), y, t, -1)  # taken as it lies in memory
print("strided:", y.tolist())
scaled(x, w, y, t, None)
print("default:", y.tolist())


def refused(*arguments):
    try:
        scaled(*arguments)
    except (TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        return
    print("not refused")


refused(x, w)
refused(x, w, y, "t")
refused(x, w[:2], y, t)
refused(x.astype(numpy.float64), w, y, t)

wrong = []


def work(number):
    mine, none = numpy.zeros(2, numpy.float32), numpy.zeros(2, numpy.int32)
    for _ in range(200):
        scaled(x, w, mine, none, number)
        if mine.tolist() != [210.0 * number, 543.0 * number]:
            wrong.append(number)


threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("wrong in threads:", wrong)

try:
    import torch
except ImportError:
    sys.exit(print("there is no PyTorch"))
y = torch.zeros(2)
scaled(torch.from_numpy(x), torch.from_numpy(w), y, torch.zeros(2, dtype=torch.int32))
print("torch:", y.tolist())
