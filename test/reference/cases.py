"""What a reference is: a kernel computed from its paper by numpy, in float64.

    @case("mla", sizes=(dict(h=2, ...), dict(h=3, ...)))
    def mla(x):
        return {"O": ...}

`x` has the inputs and parameters of examples/mla/mla.ein as attributes, arrays in
float64 or int64, and the sizes of ranks as `x.n["h"]`. Nothing here is taken from the
compiler: the functions follow the papers, with loops where the papers have
loops. Inputs are random normal numbers, rounded to what their type stores; `make`
gives those that cannot be anything (lists of indices, gates) as a function of
(random generator, sizes).
"""

import dataclasses
import importlib
import keyword
import types

import numpy as np

FAMILIES = ("family", "dense", "cache", "sparse", "linear", "memory")
CASES = {}


@dataclasses.dataclass
class Case:
    name: str
    evaluate: object
    sizes: tuple
    params: dict
    make: dict
    kernel: str


def case(name, sizes, params=None, make=None, kernel=None):
    def register(function):
        CASES[name] = Case(name, function, sizes, params or {}, make or {}, kernel)
        return function
    return register


def load():
    for family in FAMILIES:
        importlib.import_module(family)
    return CASES


def arguments(inputs, params, sizes):
    """The argument of a reference: inputs, parameters and sizes."""
    wide = {name: array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
            if array.dtype.kind != "b" else array
            for name, array in inputs.items()}
    named = {name + "_" * (keyword.iskeyword(name) or name == "n"): value
             for name, value in {**wide, **params}.items()}
    return types.SimpleNamespace(**named, n=sizes)


# --- what papers name -------------------------------------------------------

def softmax(scores):
    """Of a vector whose excluded entries are -inf; zeros if all are."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.size == 0 or np.all(np.isneginf(scores)):
        return np.zeros_like(scores)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def attend(q, keys, values, scale, keep=None):
    """One query against rows of keys; `keep` says which of them exist."""
    scores = scale * (keys @ q)
    if keep is not None:
        scores = np.where(keep, scores, -np.inf)
    return softmax(scores) @ values


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def rope(x, position, base=10000.0):
    """Rotates pairs (i, i + half) of a vector of even length."""
    half = len(x) // 2
    angle = position * base ** (-2.0 * np.arange(half) / len(x))
    a, b = x[:half], x[half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle),
                           b * np.cos(angle) + a * np.sin(angle)])


def largest(values, count):
    """Indices of the `count` greatest, descending; None stands for no entry."""
    present = [i for i, v in enumerate(values) if v is not None and not np.isnan(v)]
    return sorted(present, key=lambda i: (-values[i], i))[:count]


def padded(indices, count):
    return np.array(list(indices) + [-1] * (count - len(indices)))


def cumulative(rng, parts, total):
    """Offsets of `parts` pieces of 0 .. total, some of them empty."""
    cuts = np.sort(rng.integers(0, total + 1, parts - 1))
    cuts[: parts // 3] = cuts[0] if len(cuts) else 0
    return np.concatenate([[0], np.sort(cuts), [total]]).astype(np.int32)
