"""Compiles a kernel and calls it on arrays of the standard library, of NumPy
where it is there, and of whatever speaks DLPack."""

import array
import ctypes
import pathlib
import sys
import threading

import einfall

TEXT = """
kernel scaled(x[m,e]: f32, w[e]: f32, s: f32 = 2) -> y[m]: f32, t[m]: i32 {
  y[m] = s * x[m,e] * w[e]
  t[m] = m
}
"""


def failure(call):
    try:
        call()
    except einfall.Error as error:
        return str(error)
    return "no error"


kernel = einfall.compile(TEXT, name="scaled.ein", extents={"e": 3}, proofs=False).kernel()
print(kernel)

# The buffer protocol: ctypes gives it shapes.
x = (ctypes.c_float * 3 * 2)((1, 2, 3), (4, 5, 6))
w = array.array("f", [1, 10, 100])
y, t = array.array("f", [0, 0]), array.array("i", [7, 7])
kernel(x=x, w=w, y=y, t=t)
print(list(y), list(t))
kernel(x=x, w=w, s=-1, y=y, t=t)
print(list(y))


class Packed:
    """An array that has DLPack and nothing else."""

    def __init__(self, values):
        self.values = (ctypes.c_float * len(values))(*values)

    def __dlpack__(self, stream=None):
        from einfall import _library

        shape = (ctypes.c_int64 * 1)(len(self.values))
        managed = _library._DLManaged()
        managed.tensor.data = ctypes.addressof(self.values)
        managed.tensor.device = _library.Device(1, 0)
        managed.tensor.ndim = 1
        managed.tensor.dtype = _library.DataType(2, 32, 1)
        managed.tensor.shape = ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64))
        self.held = (managed, shape)
        make = ctypes.pythonapi.PyCapsule_New
        make.restype = ctypes.py_object
        make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return make(ctypes.addressof(managed), b"dltensor", None)


kernel(x=x, w=Packed([0, 0, 1]), y=y, t=t)
print(list(y))

print(failure(lambda: kernel(x=x)))
print(failure(lambda: kernel(x=x, w=w, z=w)))
print(failure(lambda: kernel(x=x, w=w, y=y, t="text")))
print(failure(lambda: kernel(x=x, w=array.array("f", [1, 2]), y=y, t=t)))
print(failure(lambda: kernel(x=x, w=array.array("i", [1, 2, 3]), y=y, t=t)))
print(failure(lambda: kernel(x=x, w=x, y=y, t=t)))
kernel(x=x, w=w, y=y, t=t)
print(list(y))
print(failure(lambda: einfall.compile("kernel k(x[m]: f32) -> y: f32 { y = x[m] * x[n] }")))
print(failure(lambda: einfall.load("/nowhere/k.ein")))

# In many threads at once.
wrong = []


def work(number):
    for _ in range(100):
        mine, none = array.array("f", [0, 0]), array.array("i", [0, 0])
        kernel(x=x, w=w, s=number, y=mine, t=none)
        if list(mine) != [321 * number, 654 * number]:
            wrong.append(number)


threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("wrong in threads:", wrong)

# A file, on another device; a package.
folder = pathlib.Path(sys.argv[1])
(folder / "scaled.ein").write_text(TEXT)
emulated = einfall.load(
    folder / "scaled.ein", device="emulated:sm_80", extents={"e": 3}, proofs=False
)
emulated(x=x, w=w, y=y, t=t)
print("emulated:", list(y))

try:
    import numpy
except ImportError:
    print(failure(lambda: kernel(x=x, w=w)))
    sys.exit()
matrix = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
made = kernel(x=matrix[::-2], w=numpy.float32([1, 0, 0]))
print("numpy:", made["y"], made["t"], made["y"].dtype)
frozen = numpy.zeros(2, numpy.float32)
frozen.flags.writeable = False
print(failure(lambda: kernel(x=matrix[:2], w=matrix[0], y=frozen, t=t)))
