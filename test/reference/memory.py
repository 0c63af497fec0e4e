"""References: slots, memories that learn, state spaces and long convolutions."""

import math

import numpy as np

from cases import attend, case, sigmoid, silu, softmax, softplus
from linear import elu_one, shares


@case("gsa", (dict(h=1, t=4, k=3, s=2, v=2), dict(h=2, t=11, k=5, s=4, v=3)),
      make=dict(alpha=shares("h", "t", "s")))
def gsa(x):
    o = np.zeros(x.V.shape)
    for h in range(x.n["h"]):
        keys, values = np.zeros((x.n["s"], x.n["k"])), np.zeros((x.n["s"], x.n["v"]))
        for t in range(x.n["t"]):
            keep = np.diag(x.alpha[h, t])
            keys = keep @ keys + np.outer(1 - x.alpha[h, t], x.K[h, t])
            values = keep @ values + np.outer(1 - x.alpha[h, t], x.V[h, t])
            o[h, t] = softmax(keys @ x.Q[h, t] / math.sqrt(x.n["k"])) @ values
    return {"O": o}


@case("slot-attention", (dict(s=2, m=4, k=3, v=2), dict(s=3, m=11, k=5, v=4)))
def slot_attention(x):
    shares_of = np.stack([softmax(x.Q @ key / math.sqrt(x.n["k"])) for key in x.K])
    return {"U": (shares_of / shares_of.sum(axis=0)).T @ x.V}


@case("titans", (dict(t=3, k=2, i=3, v=2), dict(t=9, k=4, i=5, v=3)),
      make=dict(eta=shares("t"), alpha=shares("t"),
                theta=lambda rng, n: rng.uniform(0, 0.1, n["t"]).astype(np.float32)))
def titans(x):
    """Matrix calculus on |B silu(A k) - v|^2."""
    def answer(a, b, v):
        return b @ silu(a @ v)

    def gradient(a, b, key, value):
        u = a @ key
        s, slope = silu(u), sigmoid(u) + u * sigmoid(u) * (1 - sigmoid(u))
        error = 2 * (b @ s - value)
        return np.outer((b.T @ error) * slope, key), np.outer(error, s)

    a, b = x.A0.copy(), x.B0.copy()
    sa, sb = np.zeros_like(a), np.zeros_like(b)
    y = np.zeros((x.n["t"], x.n["v"]))
    for t in range(x.n["t"]):
        ga, gb = gradient(a, b, x.K[t], x.V[t])
        sa, sb = x.eta[t] * sa - x.theta[t] * ga, x.eta[t] * sb - x.theta[t] * gb
        a, b = (1 - x.alpha[t]) * a + sa, (1 - x.alpha[t]) * b + sb
        y[t] = answer(a, b, x.Q[t])
    return {"Y": y, "AT": a, "BT": b}


@case("infini-attention", (dict(h=1, s=2, p=2, m=2, e=3, f=2), dict(h=2, s=4, p=3, m=3, e=5, f=3)))
def infini_attention(x):
    o = np.zeros(x.Q.shape[:3] + x.V.shape[3:])
    for h in range(x.n["h"]):
        memory, norm = np.zeros((x.n["e"], x.n["f"])), np.zeros(x.n["e"])
        gate = sigmoid(x.beta[h])
        for s in range(x.n["s"]):
            q, k, v = x.Q[h, s], x.K[h, s], x.V[h, s]
            known = np.zeros_like(v)
            for p in range(x.n["p"]):
                local = attend(q[p], k[:p + 1], v[:p + 1], 1 / math.sqrt(x.n["e"]))
                read = 0
                if s > 0:
                    read = elu_one(q[p]) @ memory / (elu_one(q[p]) @ norm)
                    known[p] = elu_one(k[p]) @ memory / (elu_one(k[p]) @ norm)
                o[h, s, p] = gate * read + (1 - gate) * local
            memory = memory + elu_one(k).T @ (v - known)
            norm = norm + elu_one(k).sum(axis=0)
    return {"O": o}


@case("ntk-attention", (dict(h=1, p=4, m=4, e=3, f=2), dict(h=2, p=9, m=9, e=5, f=3)),
      make=dict(k=lambda rng, n: rng.uniform(0.1, 2, (n["h"], n["e"])).astype(np.float32)))
def ntk_attention(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        weights = np.exp(x.K[h, :p + 1] @ x.Q[h, p] / math.sqrt(x.n["e"]))
        phi = elu_one(x.Q[h, p])
        o[h, p] = (weights @ x.V[h, :p + 1] + phi @ x.Z[h]) / (weights.sum() + phi @ x.k[h])
    return {"O": o}


def scan(x, dt, log, b, c, order):
    """Mamba's scan of x[t, c] in the given order of tokens; y and last state."""
    state, y = np.zeros(log.shape), np.zeros(x.shape)
    for t in order:
        for channel in range(x.shape[1]):
            decay = np.exp(dt[t, channel] * -np.exp(log[channel]))
            state[channel] = decay * state[channel] + dt[t, channel] * b[t] * x[t, channel]
            y[t, channel] = c[t] @ state[channel]
    return y, state


@case("mamba", (dict(t=4, c=2, n=2), dict(t=11, c=5, n=3)))
def mamba(x):
    y, state = scan(x.x, softplus(x.delta + x.bias), x.Alog, x.B, x.C, range(x.n["t"]))
    return {"y": (y + x.D * x.x) * silu(x.z), "HT": state}


@case("vision-mamba", (dict(t=4, c=2, n=2), dict(t=11, c=5, n=3)),
      make=dict(df=shares("t", "c"), db=shares("t", "c")))
def vision_mamba(x):
    forward, _ = scan(x.x, x.df, x.Alog, x.Bf, x.Cf, range(x.n["t"]))
    backward, _ = scan(x.x, x.db, x.Alog, x.Bb, x.Cb, reversed(range(x.n["t"])))
    return {"y": (forward + backward) * silu(x.z)}


@case("s5", (dict(t=4, u=2, n=2, y=1), dict(t=13, u=3, n=4, y=2)),
      make=dict(Lr=lambda rng, n: rng.uniform(-0.7, 0.7, n["n"]).astype(np.float32),
                Li=lambda rng, n: rng.uniform(-0.7, 0.7, n["n"]).astype(np.float32)))
def s5(x):
    """Complex numbers, and episodes one after the other."""
    step, enter, leave = x.Lr + 1j * x.Li, x.Br + 1j * x.Bi, x.Cr + 1j * x.Ci
    state, y = np.zeros(x.n["n"], complex), np.zeros((x.n["t"], x.n["y"]))
    for t in range(x.n["t"]):
        if x.start[t]:
            state[:] = 0
        state = step * state + enter @ x.U[t]
        y[t] = (leave @ state).real + x.D @ x.U[t]
    return {"Y": y, "Xr": state.real, "Xi": state.imag}


@case("flash-fft-conv", (dict(h=1, t=3, c=2, d=3), dict(h=2, t=10, c=5, d=4)))
def flash_fft_conv(x):
    """numpy's transform; frequency c + |c| d lies at [c, d]."""
    size = x.n["c"] * x.n["d"]
    y = np.zeros(x.U.shape)
    for h in range(x.n["h"]):
        filter_ = (x.Kr[h] + 1j * x.Ki[h]).T.reshape(size)
        product = np.fft.fft(x.U[h] * x.G[h], size) * filter_
        y[h] = x.W[h] * np.fft.ifft(product).real[:x.n["t"]]
    return {"Y": y}


@case("long-convolution", (dict(h=1, t=4, s=4), dict(h=2, t=13, s=9)))
def long_convolution(x):
    """Through numpy's transform of twice the length."""
    y = np.zeros(x.U.shape)
    size = 2 * x.n["t"]
    for h in range(x.n["h"]):
        product = np.fft.rfft(x.K[h], size) * np.fft.rfft(x.U[h] * x.G[h], size)
        y[h] = x.W[h] * np.fft.irfft(product, size)[:x.n["t"]]
    return {"Y": y}



@case("lattice", (dict(t=3, s=2, v=3), dict(t=9, s=3, v=5)),
      make=dict(alpha=lambda rng, n: rng.uniform(0.5, 1, n["t"]).astype(np.float32),
                eta=lambda rng, n: rng.uniform(0, 0.3, n["t"]).astype(np.float32)))
def lattice(x):
    slots, o = x.S0.copy(), np.zeros((x.n["t"], x.n["v"]))
    for t in range(x.n["t"]):
        error = x.V[t] - x.K[t] @ slots
        for s, slot in enumerate(slots.copy()):
            across = np.eye(len(slot)) - np.outer(slot, slot) / (slot @ slot)
            slots[s] = x.alpha[t] * slot + x.eta[t] * x.K[t, s] * (across @ error)
        o[t] = x.Q[t] @ slots
    return {"O": o, "ST": slots}


@case("leaky-memory", (dict(t=3, s=2, k=2, i=3, y=1), dict(t=9, s=4, k=3, i=6, y=2)),
      make=dict(keep=shares("k")))
def leaky_memory(x):
    memory, y = np.zeros(x.n["k"]), np.zeros((x.n["t"], x.n["y"]))
    for t in range(x.n["t"]):
        both = np.concatenate([x.x[t], x.keep * memory])
        hidden = np.maximum(np.hstack([x.Ws, x.Wm]) @ both + x.b, 0)
        memory = x.keep * memory + (1 - x.keep) * np.tanh(x.Wd @ hidden)
        y[t] = x.Wy @ memory
    return {"Y": y, "MT": memory}


@case("ponet", (dict(p=5, m=5, d=3), dict(p=13, m=13, d=5)), params=dict(w=3),
      make=dict(segment=lambda rng, n: np.sort(rng.integers(0, 3, n["m"])).astype(np.int32)))
def ponet(x):
    overall = attend(x.Q.mean(axis=0), x.K, x.V, 1 / math.sqrt(x.n["d"]))
    o = np.zeros(x.Q.shape)
    for p in range(x.n["p"]):
        segment = x.Xs[x.segment == x.segment[p]].max(axis=0)
        local = x.Xl[max(0, p - x.w // 2):p + x.w // 2 + 1].max(axis=0)
        o[p] = overall * x.Xg[p] + segment * x.Xg[p] + local
    return {"O": o}
