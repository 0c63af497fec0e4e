"""Launches both kernels of a package by the C interface; prints what came out.

usage: launch.py libeinfall_rt.so PACKAGE.efk
"""

import ctypes as c
import sys
import threading


class Device(c.Structure):
    _fields_ = [("type", c.c_int32), ("id", c.c_int32)]


class DataType(c.Structure):
    _fields_ = [("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16)]


class Tensor(c.Structure):
    _fields_ = [
        ("data", c.c_void_p),
        ("device", Device),
        ("ndim", c.c_int32),
        ("dtype", DataType),
        ("shape", c.POINTER(c.c_int64)),
        ("strides", c.POINTER(c.c_int64)),
        ("byte_offset", c.c_uint64),
    ]


class NamedTensor(c.Structure):
    _fields_ = [("name", c.c_char_p), ("tensor", c.POINTER(Tensor))]


class NamedParam(c.Structure):
    _fields_ = [("name", c.c_char_p), ("value", c.c_double)]


class Arguments(c.Structure):
    _fields_ = [
        ("tensors", c.POINTER(NamedTensor)),
        ("tensor_count", c.c_size_t),
        ("params", c.POINTER(NamedParam)),
        ("param_count", c.c_size_t),
    ]


rt = c.CDLL(sys.argv[1])
rt.einfall_error_message.restype = c.c_char_p


class Failed(Exception):
    pass


def check(status):
    if status:
        raise Failed(f"status {status}: {rt.einfall_error_message().decode()}")


def open_kernel(name):
    package, kernel = c.c_void_p(), c.c_void_p()
    check(rt.einfall_package_open(sys.argv[2].encode(), c.byref(package)))
    try:
        check(rt.einfall_kernel_load(package, name, b"cpu:2", c.byref(kernel)))
    finally:
        rt.einfall_package_close(package)  # the kernel outlives it
    return kernel


def launch(kernel, x, size, params=(), short=0):
    """The output of `size` elements for the input `x`."""
    xs, ys = (c.c_float * len(x))(*x), (c.c_float * size)()
    tensors = []
    for values in (xs, ys):
        shape = (c.c_int64 * 1)(len(values))
        tensors.append(
            Tensor(c.addressof(values), Device(1, 0), 1, DataType(2, 32, 1), shape, None, 0)
        )
    named = (NamedTensor * 2)((b"X", c.pointer(tensors[0])), (b"Y", c.pointer(tensors[1])))
    given = (NamedParam * len(params))(*params)
    arguments = Arguments(named, 2, given, len(params))
    size = c.c_size_t()
    check(rt.einfall_kernel_workspace(kernel, c.byref(arguments), c.byref(size)))
    memory = c.create_string_buffer(size.value + 64)
    aligned = (c.addressof(memory) + 63) // 64 * 64
    check(
        rt.einfall_kernel_launch(
            kernel, c.byref(arguments), c.c_void_p(aligned), c.c_size_t(size.value - short), None
        )
    )
    return list(ys)


def attempt(*arguments, **more):
    try:
        print(launch(*arguments, **more))
    except Failed as failure:
        print(failure)


blocks, twice = open_kernel(b"blocks"), open_kernel(b"twice")
attempt(blocks, [1, 5, 2, 3, -4, -1], 2)
attempt(twice, [1, 2], 2, [(b"n", 3)])
attempt(twice, [1, 2], 2, [(b"f", -1), (b"n", 3)])
attempt(blocks, [1, 5], 2)
attempt(twice, [1, 2], 2)
attempt(blocks, [1], 1, short=1)

# One kernel, launched by several threads at once.
wrong = []


def work(seed):
    x = [float((seed * 31 + i) % 101) for i in range(4000)]
    expected = [max(x[i : i + 4]) for i in range(0, 4000, 4)]
    for _ in range(50):
        if launch(blocks, x, 1000) != expected:
            wrong.append(seed)


threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("threads that saw a wrong result:", wrong)
rt.einfall_kernel_unload(blocks)
rt.einfall_kernel_unload(twice)

try:
    open_kernel(None)
except Failed as failure:
    print(failure)
