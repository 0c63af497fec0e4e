"""Arrays of one place after another: what is remembered of the last launch must
not show."""

import sys

import einfall

try:
    import numpy
except ImportError:
    sys.exit("there is no NumPy")

TEXT = """
kernel scaled(x[m,e]: f32, w[e]: f32, s: f32 = 2) -> y[m]: f32 {
  y[m] = s * x[m,e] * w[e]
}
kernel half(x[m]: bf16) -> y[m]: bf16 { y[m] = 0.5 * x[m] }
"""
module = einfall.compile(TEXT, proofs=False)
kernel, half = module.kernel("scaled"), module.kernel("half")


def refused(text, call):
    try:
        call()
    except einfall.Error as error:
        assert text in str(error), error
        return str(error)
    raise AssertionError("not refused: " + text)


random = numpy.random.default_rng(1)
for rows, columns in [(2, 3), (5, 3), (5, 7), (2, 3), (1, 1), (0, 4)]:
    whole = random.standard_normal((2 * rows, 3 * columns), numpy.float32)
    w = random.standard_normal(columns, numpy.float32)
    for x in (
        whole[:rows, :columns],
        whole[::2, ::3],
        whole[::-2, columns - 1 :: -1],
        numpy.asfortranarray(whole[:rows, :columns]),
        whole[:rows, :columns].copy(),
    ):
        y = kernel(x=x, w=w, s=3)["y"]
        assert y.shape == (rows,) and numpy.allclose(y, 3 * x @ w, atol=1e-5)
        into = numpy.full(2 * rows, 7, numpy.float32)[::2]
        assert kernel(x=x, w=w, y=into)["y"] is into
        assert numpy.allclose(into, 2 * x @ w, atol=1e-5)
        wide = w.astype(numpy.float64)
        message = refused("w.astype(numpy.float32)", lambda: kernel(x=x, w=wide))
        refused("is given with 1 dimensions", lambda: kernel(x=w, w=w))
bits = numpy.array([0x3F80, 0x4000], numpy.uint16)
assert list(half(x=bits)["y"]) == [0x3F00, 0x3F80]
refused("an array of uint16 with the bits of bf16", lambda: half(x=bits.view(numpy.int16)))
refused("no argument `z`", lambda: kernel(x=x, w=w, z=1))
refused("input `x` of kernel `half` is not given", lambda: half())
print(message)

try:
    import torch
except ImportError:
    sys.exit()
x, w = torch.ones(4, 3), torch.ones(3)
for tensor in (x, x.T[:3, :3], x[::2], x):
    assert kernel(x=tensor, w=w)["y"].tolist() == [6.0] * len(tensor)
assert half(x=torch.ones(2, dtype=torch.bfloat16))["y"].dtype == torch.bfloat16
refused("w.to(torch.float32)", lambda: kernel(x=x, w=w.double()))
refused("DLPack", lambda: kernel(x=x, w=torch.ones(3, requires_grad=True)))
print("torch agrees")
