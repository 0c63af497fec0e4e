"""References of the first family: one softmax, with what may stand around it."""

import math

import numpy as np

from cases import case, softmax

SMALL = dict(b=1, h=2, g=1, p=3, m=5, e=4, f=3)
ODD = dict(b=2, h=4, g=2, p=7, m=13, e=6, f=5)
# Fewer keys than queries: some rows see none of them.
TALL = dict(b=1, h=2, g=1, p=11, m=4, e=5, f=3)


def rows(x):
    """(index, query, keys, values) of every row."""
    for b, h, p in np.ndindex(x.Q.shape[:3]):
        g = h * x.K.shape[1] // x.Q.shape[1]
        yield (b, h, p), x.Q[b, h, p], x.K[b, g], x.V[b, g]


def output(x):
    return np.zeros(x.Q.shape[:3] + x.V.shape[3:])


def dense(x):
    o = output(x)
    for at, q, keys, values in rows(x):
        o[at] = softmax(keys @ q / math.sqrt(x.n["e"])) @ values
    return {"O": o}


case("plain", (SMALL, ODD))(dense)
case("grouped", (SMALL, ODD))(dense)


@case("causal", (ODD, TALL))
def causal(x):
    o = output(x)
    for at, q, keys, values in rows(x):
        last = max(0, at[2] + 1 + x.n["m"] - x.n["p"])
        o[at] = softmax(keys[:last] @ q / math.sqrt(x.n["e"])) @ values[:last]
    return {"O": o}


@case("logsumexp", (ODD, TALL))
def logsumexp(x):
    lse = np.full(x.Q.shape[:3], -np.inf)
    for at, q, keys, _ in rows(x):
        last = max(0, at[2] + 1 + x.n["m"] - x.n["p"])
        if last > 0:
            lse[at] = np.log(np.exp(keys[:last] @ q / math.sqrt(x.n["e"])).sum())
    return {**causal(x), "L": lse}


@case("attention-backward", (ODD, TALL))
def attention_backward(x):
    scale = 1 / math.sqrt(x.n["e"])
    gradients = {name: np.zeros(getattr(x, name[1]).shape) for name in ("GQ", "GK", "GV")}
    for at, q, keys, values in rows(x):
        seen = max(0, at[2] + 1 + x.n["m"] - x.n["p"])
        keys, values, go = keys[:seen], values[:seen], x.GO[at]
        weights = np.exp(scale * keys @ q - x.L[at])
        # The Jacobian of softmax, of a row whose weights add up to 1 or not.
        scores = weights * (values @ go - go @ x.O[at])
        gradients["GQ"][at] = scale * scores @ keys
        gradients["GK"][at[:2]][:seen] += scale * np.outer(scores, q)
        gradients["GV"][at[:2]][:seen] += np.outer(weights, go)
    return gradients


@case("cross", (SMALL, ODD), make=dict(
    n=lambda rng, n: rng.integers(0, n["m"] + 1, n["b"], dtype=np.int32)))
def cross(x):
    o = output(x)
    for at, q, keys, values in rows(x):
        length = x.n_[at[0]]
        o[at] = softmax(keys[:length] @ q / math.sqrt(x.n["e"])) @ values[:length]
    return {"O": o}


@case("softcap", (ODD, TALL), params=dict(cap=2.5))
def softcap(x):
    o = output(x)
    for at, q, keys, values in rows(x):
        seen = slice(0, at[2] + 1)
        scores = x.cap * np.tanh(keys[seen] @ q / math.sqrt(x.n["e"]) / x.cap)
        o[at] = softmax(scores) @ values[seen]
    return {"O": o}


@case("temperature", (SMALL, ODD))
def temperature(x):
    o = output(x)
    for at, q, keys, values in rows(x):
        scores = keys @ q
        o[at] = softmax(scores / math.sqrt(np.mean(scores ** 2) + 1e-6)) @ values
    return {"O": o}


@case("entropy", (ODD, TALL))
def entropy(x):
    """The entropy by its definition, - sum a log a."""
    o, h = output(x), np.zeros(x.Q.shape[:3])
    for at, q, keys, values in rows(x):
        weights = softmax(keys[:at[2] + 1] @ q / math.sqrt(x.n["e"]))
        o[at] = weights @ values[:at[2] + 1]
        h[at] = -(weights * np.log(weights)).sum()
    return {"O": o, "H": h}


@case("l2-normalised", (SMALL, ODD), params=dict(tau=7.5))
def l2_normalised(x):
    o = output(x)
    for at, q, keys, values in rows(x):
        norms = np.sqrt((q @ q) * (keys ** 2).sum(axis=1) + 1e-12)
        o[at] = softmax(x.tau * (keys @ q) / norms) @ values
    return {"O": o}


@case("rms-norm", (SMALL, ODD))
def rms_norm(x):
    def unit(v):
        return v / np.sqrt((v ** 2).mean(axis=-1, keepdims=True) + 1e-6)

    o = output(x)
    for at, q, keys, values in rows(x):
        seen = slice(0, at[2] + 1)
        scores = (x.gk * unit(keys[seen])) @ (x.gq * unit(q)) / math.sqrt(x.n["e"])
        o[at] = softmax(scores) @ values[seen]
    return {"O": o}
