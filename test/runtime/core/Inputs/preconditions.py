"""Launches a kernel whose preconditions some of the arguments do not meet."""

import array
import sys

import einfall

kernel = einfall.load(sys.argv[1])


def show(m, **params):
    x, y = (ctypes_array(code, m) for code in "if")
    said = "accepted"
    try:
        kernel(x=x, y=y, **params)
    except einfall.Error as error:
        said = str(error)
    given = "".join(f", {name} = {value}" for name, value in params.items())
    print(f"m = {m}{given}: {said}")


def ctypes_array(code, size):
    return array.array(code, [0] * size)


show(4, step=2)
show(0, step=2)
show(3, step=2)
show(4, step=-2)
show(4, step=2, scale=0.5)
show(4, step=2, scale=0.125)
show(16, step=2)
show(17, step=17)
