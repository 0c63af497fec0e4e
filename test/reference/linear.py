"""References: linear attention and states that decay, token by token."""

import math

import numpy as np

from cases import case, cumulative, sigmoid, softmax, softplus

SMALL = dict(h=1, t=4, k=3, v=2)
ODD = dict(h=3, t=13, k=5, v=4)


def root(x):
    return 1 / math.sqrt(x.n["k"])


def elu_one(x):
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def negative(*ranks):
    """Draws logarithms of decays."""
    return lambda rng, n: -rng.exponential(0.5, tuple(n[r] for r in ranks)).astype(np.float32)


def shares(*ranks):
    """Draws numbers between 0 and 1."""
    return lambda rng, n: rng.random(tuple(n[r] for r in ranks)).astype(np.float32)


@case("linear-attention", (SMALL, ODD))
def linear_attention(x):
    """The quadratic form: weights phi(q) phi(k), normalised."""
    o = np.zeros(x.V.shape)
    for h, t in np.ndindex(x.V.shape[:2]):
        weights = elu_one(x.K[h, :t + 1]) @ elu_one(x.Q[h, t])
        o[h, t] = weights @ x.V[h, :t + 1] / weights.sum()
    return {"O": o}


@case("scatterformer", (dict(w=3, n=7, h=1, k=3, v=2), dict(w=5, n=19, h=2, k=5, v=3)),
      make=dict(cu=lambda rng, n: cumulative(rng, n["w"], n["n"])))
def scatterformer(x):
    o = np.zeros(x.V.shape)
    for w in range(x.n["w"]):
        rows = slice(x.cu[w], x.cu[w + 1])
        for h in range(x.n["h"]):
            weights = np.exp(x.Q[rows, h]) @ np.exp(x.K[rows, h]).T
            o[rows, h] = weights @ x.V[rows, h] / weights.sum(axis=1, keepdims=True)
    return {"O": o}


@case("efficient-attention", (dict(h=1, p=3, m=4, k=3, v=2), dict(h=2, p=9, m=11, k=5, v=3)))
def efficient_attention(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        keys = np.stack([softmax(column) for column in x.K[h].T], axis=1)
        weights = np.stack([softmax(row) for row in x.Q[h]]) @ keys.T
        o[h] = weights @ x.V[h]
    return {"O": o}


@case("based", (dict(h=1, t=4, d=2, v=2), dict(h=2, t=11, d=4, v=3)))
def based(x):
    o = np.zeros(x.V.shape)
    for h, t in np.ndindex(x.V.shape[:2]):
        scores = x.K[h, :t + 1] @ x.Q[h, t]
        weights = 1 + scores + scores ** 2 / 2
        o[h, t] = weights @ x.V[h, :t + 1] / weights.sum()
    return {"O": o}


@case("retention", (SMALL, ODD),
      make=dict(gamma=lambda rng, n: (1 - 2.0 ** -rng.uniform(1, 8, n["h"])).astype(np.float32)))
def retention(x):
    """The parallel form, with gamma^(n-m) below the diagonal."""
    o, last = np.zeros(x.V.shape), np.zeros(x.H0.shape)
    steps = x.n["t"]
    for h in range(x.n["h"]):
        gamma = x.gamma[h]
        for t in range(steps):
            decay = gamma ** (t - np.arange(t + 1))
            scores = root(x) * (x.K[h, :t + 1] @ x.Q[h, t]) * decay
            o[h, t] = scores @ x.V[h, :t + 1] + root(x) * gamma ** (t + 1) * x.Q[h, t] @ x.H0[h]
        decay = gamma ** (steps - 1 - np.arange(steps))
        last[h] = gamma ** steps * x.H0[h] + (decay[:, None] * x.K[h]).T @ x.V[h]
    return {"O": o, "HT": last}


@case("mamba-2", (dict(h=2, g=1, t=4, n=3, c=2), dict(h=4, g=2, t=11, n=5, c=3)))
def mamba_2(x):
    """The dual form: (L . C B^T) dt x with L a product of decays."""
    y, last = np.zeros(x.x.shape), np.zeros((x.n["h"], x.n["c"], x.n["n"]))
    for h in range(x.n["h"]):
        g = h * x.n["g"] // x.n["h"]
        dt = softplus(x.delta[:, h] + x.bias[h])
        log = np.cumsum(-np.exp(x.Alog[h]) * dt)
        for t in range(x.n["t"]):
            for s in range(t + 1):
                mass = np.exp(log[t] - log[s]) * (x.C[t, g] @ x.B[s, g]) * dt[s]
                y[t, h] += mass * x.x[s, h]
            y[t, h] += x.D[h] * x.x[t, h]
        for s in range(x.n["t"]):
            last[h] += np.exp(log[-1] - log[s]) * dt[s] * np.outer(x.x[s, h], x.B[s, g])
    return {"y": y, "HT": last}


@case("mlstm", (SMALL, ODD))
def mlstm(x):
    """Without the stabiliser: C = f C + exp(i) v k^T, |n q| against 1."""
    y = np.zeros(x.V.shape)
    for h in range(x.n["h"]):
        memory, norm = np.zeros((x.n["k"], x.n["v"])), np.zeros(x.n["k"])
        for t in range(x.n["t"]):
            forget, enter = sigmoid(x.forget[h, t]), np.exp(x.input[h, t])
            key = x.K[h, t] * root(x)
            memory = forget * memory + enter * np.outer(key, x.V[h, t])
            norm = forget * norm + enter * key
            y[h, t] = sigmoid(x.output[h, t]) * (x.Q[h, t] @ memory) / max(abs(norm @ x.Q[h, t]), 1)
    return {"Y": y}


@case("gla", (SMALL, ODD))
def gla(x):
    """The parallel form: Q times, K over, the product of the gates so far."""
    o, last = np.zeros(x.V.shape), np.zeros(x.H0.shape)
    for h in range(x.n["h"]):
        b = np.cumprod(sigmoid(x.G[h]) ** (1 / 16), axis=0)
        for t in range(x.n["t"]):
            scores = root(x) * (x.K[h, :t + 1] / b[:t + 1]) @ (x.Q[h, t] * b[t])
            o[h, t] = scores @ x.V[h, :t + 1] + root(x) * (x.Q[h, t] * b[t]) @ x.H0[h]
        last[h] = b[-1][:, None] * x.H0[h] + (x.K[h] * b[-1] / b).T @ x.V[h]
    return {"O": o, "HT": last}


@case("rwkv-4", (dict(t=4, c=2), dict(t=13, c=5)),
      make=dict(w=lambda rng, n: rng.exponential(1, n["c"]).astype(np.float32) + np.float32(0.01)))
def rwkv_4(x):
    """The paper's sum over all earlier tokens."""
    o = np.zeros(x.V.shape)
    for t in range(x.n["t"]):
        ages = t - 1 - np.arange(t)
        weights = np.exp(-ages[:, None] * x.w + x.K[:t])
        bonus = np.exp(x.u + x.K[t])
        wkv = ((weights * x.V[:t]).sum(axis=0) + bonus * x.V[t]) / (weights.sum(axis=0) + bonus)
        o[t] = sigmoid(x.R[t]) * wkv
    return {"O": o}


@case("delta-rule", (SMALL, ODD), make=dict(beta=shares("h", "t")))
def delta_rule(x):
    """The chunk form over the whole sequence: a triangular system for U."""
    o, last = np.zeros(x.V.shape), np.zeros(x.H0.shape)
    for h in range(x.n["h"]):
        keys = x.K[h] / np.linalg.norm(x.K[h], axis=1, keepdims=True)
        beta = x.beta[h][:, None]
        system = np.eye(x.n["t"]) + np.tril(beta * keys @ keys.T, -1)
        u = np.linalg.solve(system, beta * (x.V[h] - keys @ x.H0[h]))
        query = root(x) * x.Q[h]
        o[h] = query @ x.H0[h] + np.tril(query @ keys.T) @ u
        last[h] = x.H0[h] + keys.T @ u
    return {"O": o, "HT": last}


@case("gated-delta-rule", (dict(h=2, g=1, t=4, k=3, v=2), dict(h=4, g=2, t=13, k=5, v=3)),
      make=dict(alpha=negative("h", "t"), beta=shares("h", "t")))
def gated_delta_rule(x):
    """S = S (a (I - b k k^T)) + b v k^T, in the paper's orientation."""
    o, last = np.zeros(x.V.shape), np.zeros(x.H0.shape)
    for h in range(x.n["h"]):
        g = h * x.n["g"] // x.n["h"]
        state = x.H0[h].T
        for t in range(x.n["t"]):
            key = x.K[g, t] / np.linalg.norm(x.K[g, t])
            query = x.Q[g, t] / np.linalg.norm(x.Q[g, t])
            erase = np.exp(x.alpha[h, t]) * (np.eye(len(key)) - x.beta[h, t] * np.outer(key, key))
            state = state @ erase + x.beta[h, t] * np.outer(x.V[h, t], key)
            o[h, t] = root(x) * state @ query
        last[h] = state.T
    return {"O": o, "HT": last}


@case("performer", (dict(h=1, p=3, m=4, e=3, f=2, r=4), dict(h=2, p=9, m=11, e=5, f=3, r=8)))
def performer(x):
    def features(rows):
        rows = rows * x.n["e"] ** -0.25
        return np.exp(rows @ x.W.T - (rows ** 2).sum(axis=-1, keepdims=True) / 2) / math.sqrt(x.n["r"])

    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        weights = features(x.Q[h]) @ features(x.K[h]).T
        o[h] = weights @ x.V[h] / weights.sum(axis=1, keepdims=True)
    return {"O": o}


@case("linformer", (dict(h=1, p=4, m=4, r=2, e=3, f=2), dict(h=2, p=11, m=11, r=4, e=5, f=3)))
def linformer(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        scores = (x.E @ x.K[h]) @ x.Q[h, p] / math.sqrt(x.n["e"])
        o[h, p] = softmax(scores) @ (x.F @ x.V[h])
    return {"O": o}


@case("soft", (dict(h=1, p=6, e=5, f=2), dict(h=2, p=13, e=7, f=3)), params=dict(window=3))
def soft(x):
    def gauss(a, b):
        return np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=-1) / (2 * math.sqrt(x.n["e"])))

    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        marks = np.array([x.Q[h, s:s + x.window].mean(axis=0)
                          for s in range(0, x.n["p"], x.window)])
        a = gauss(marks, marks)
        inverse = 2 * a / np.linalg.norm(a, 1) ** 2
        for _ in range(20):
            inverse = 2 * inverse - inverse @ a @ inverse
        o[h] = gauss(x.Q[h], marks) @ inverse @ gauss(marks, x.Q[h]) @ x.V[h]
    return {"O": o}


@case("longvq", (dict(h=1, t=5, c=2, e=3, f=2), dict(h=2, t=13, c=4, e=5, f=3)))
def longvq(x):
    """Softmax attention to the codewords that keys are replaced by."""
    o = np.zeros(x.V.shape)
    for h, t in np.ndindex(x.V.shape[:2]):
        words = [x.C[h, np.argmin(((x.C[h] - key) ** 2).sum(axis=1))] for key in x.K[h, :t + 1]]
        scores = np.array(words) @ x.Q[h, t] / math.sqrt(x.n["e"])
        o[h, t] = softmax(scores) @ x.V[h, :t + 1]
    return {"O": o}


@case("kdeformer", (dict(h=1, p=3, m=5, e=3, f=2, r=3), dict(h=2, p=9, m=13, e=5, f=3, r=6)),
      make=dict(drawn=lambda rng, n: rng.integers(0, n["m"], (n["h"], n["r"]), dtype=np.int32),
                chance=lambda rng, n: rng.uniform(0.05, 0.5, (n["h"], n["m"])).astype(np.float32),
                D=lambda rng, n: rng.uniform(3, 30, (n["h"], n["p"])).astype(np.float32)))
def kdeformer(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        for m in x.drawn[h]:
            weight = np.exp(x.Q[h, p] @ x.K[h, m] / math.sqrt(x.n["e"]))
            o[h, p] += weight * x.V[h, m] / (x.chance[h, m] * x.n["r"] * x.D[h, p])
    return {"O": o}


@case("lasp-2", (SMALL, ODD), make=dict(g=negative("h", "t")))
def lasp_2(x):
    """Part by part, as devices do: their own tokens and the states before them."""
    o = np.zeros(x.V.shape)
    for h in range(x.n["h"]):
        state = np.zeros((x.n["k"], x.n["v"]))
        for part in np.array_split(np.arange(x.n["t"]), 3):
            if len(part) == 0:
                continue
            log = np.cumsum(x.g[h, part])
            for i, t in enumerate(part):
                scores = np.exp(log[i] - log[:i + 1]) * (x.K[h, part[:i + 1]] @ x.Q[h, t])
                o[h, t] = scores @ x.V[h, part[:i + 1]] + np.exp(log[i]) * x.Q[h, t] @ state
            state = np.exp(log[-1]) * state + (
                np.exp(log[-1] - log)[:, None] * x.K[h, part]).T @ x.V[h, part]
    return {"O": o}
