"""References: softmax over all keys, or over a mask known beforehand."""

import math

import numpy as np

from cases import attend, case, cumulative, rope, sigmoid, softmax

SMALL = dict(b=1, h=2, g=1, p=3, m=5, e=4, f=3)
ODD = dict(b=2, h=4, g=2, p=7, m=13, e=6, f=5)


def root(x):
    return 1 / math.sqrt(x.n["e"])


@case("attention", (SMALL, ODD))
def attention(x):
    o, lse = np.zeros(x.Q.shape[:3] + x.V.shape[3:]), np.full(x.Q.shape[:3], -np.inf)
    heads, groups, rows, cols = x.n["h"], x.n["g"], x.n["p"], x.n["m"]
    for b, h, p in np.ndindex(x.Q.shape[:3]):
        g = h // (heads // groups)
        last = p + cols - rows
        if last < 0:
            continue
        scores = root(x) * (x.K[b, g, :last + 1] @ x.Q[b, h, p])
        o[b, h, p] = softmax(scores) @ x.V[b, g, :last + 1]
        lse[b, h, p] = np.log(np.exp(scores - scores.max()).sum()) + scores.max()
    return {"O": o, "L": lse}


@case("alibi", (SMALL, ODD))
def alibi(x):
    o = np.zeros(x.Q.shape[:3] + x.V.shape[3:])
    for b, h, p in np.ndindex(x.Q.shape[:3]):
        for_all = np.arange(x.n["m"])
        scores = root(x) * (x.K[b, h] @ x.Q[b, h, p]) - x.slope[h] * (p - for_all)
        o[b, h, p] = softmax(np.where(for_all <= p, scores, -np.inf)) @ x.V[b, h]
    return {"O": o}


@case("softmax-one", (SMALL, ODD))
def softmax_one(x):
    o = np.zeros(x.Q.shape[:3] + x.V.shape[3:])
    for b, h, p in np.ndindex(x.Q.shape[:3]):
        keys = min(p + 1, x.n["m"])
        weight = np.exp(root(x) * (x.K[b, h, :keys] @ x.Q[b, h, p]))
        o[b, h, p] = weight @ x.V[b, h, :keys] / (1 + weight.sum())
    return {"O": o}


@case("window", (SMALL, ODD), params=dict(w=3, sink=2))
def window(x):
    o = np.zeros(x.Q.shape[:3] + x.V.shape[3:])
    for b, h, p in np.ndindex(x.Q.shape[:3]):
        keep = [m <= p and (p - m < x.w or m < x.sink) for m in range(x.n["m"])]
        o[b, h, p] = attend(x.Q[b, h, p], x.K[b, h], x.V[b, h], root(x), keep)
    return {"O": o}


@case("sparsemax", (SMALL, ODD))
def sparsemax(x):
    """Martins and Astudillo, algorithm 1: by sorting."""
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        z = root(x) * (x.K[h] @ x.Q[h, p])
        ordered = np.sort(z)[::-1]
        total = np.cumsum(ordered)
        rank = np.arange(1, len(z) + 1)
        k = rank[1 + rank * ordered > total].max()
        tau = (total[k - 1] - 1) / k
        o[h, p] = np.maximum(z - tau, 0) @ x.V[h]
    return {"O": o}


@case("varlen", (dict(s=2, t=5, u=7, h=2, g=1, e=4, f=3),
                 dict(s=5, t=13, u=17, h=4, g=2, e=5, f=7)),
      make=dict(cu_q=lambda rng, n: cumulative(rng, n["s"], n["t"]),
                cu_k=lambda rng, n: cumulative(rng, n["s"], n["u"] - 1)))
def varlen(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for s in range(x.n["s"]):
        rows = range(x.cu_q[s], x.cu_q[s + 1])
        keys = np.arange(x.cu_k[s], x.cu_k[s + 1])
        for place, t in enumerate(rows):
            keep = np.arange(len(keys)) <= place + len(keys) - len(rows)
            for h in range(x.n["h"]):
                g = h * x.n["g"] // x.n["h"]
                o[t, h] = attend(x.Q[t, h], x.K[keys, g], x.V[keys, g], root(x), keep)
    return {"O": o}


@case("music-transformer", (dict(h=1, p=4, m=4, e=3, f=2, r=4),
                            dict(h=2, p=9, m=9, e=5, f=3, r=6)))
def music_transformer(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        scores = [root(x) * (x.Q[h, p] @ x.K[h, m]
                             + x.Q[h, p] @ x.E[h, min(p - m, x.n["r"] - 1)])
                  for m in range(p + 1)]
        o[h, p] = softmax(scores) @ x.V[h, :p + 1]
    return {"O": o}


@case("atman", (dict(h=1, p=4, m=4, e=3, f=2, d=3), dict(h=2, p=9, m=9, e=5, f=3, d=5)),
      params=dict(token=2, amount=0.75))
def atman(x):
    unit = x.X / np.linalg.norm(x.X, axis=1, keepdims=True)
    factor = 1 - x.amount * np.clip(unit @ unit[x.token], 0, None)
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        scores = factor[:p + 1] * root(x) * (x.K[h, :p + 1] @ x.Q[h, p])
        o[h, p] = softmax(scores) @ x.V[h, :p + 1]
    return {"O": o}


@case("selective", (dict(h=1, p=4, m=4, e=3, f=2), dict(h=3, p=9, m=9, e=5, f=3)))
def selective(x):
    """The paper's listing: mask, diagonal and first column, shifted prefix sum."""
    n = x.n["p"]
    scores = root(x) * np.einsum("hpe,hme->hpm", x.Q, x.K)
    against = np.tril(np.maximum(scores[0], 0), -1)
    against[:, 0] = 0
    penalty = np.vstack([np.zeros((1, n)), np.cumsum(against, 0)[:-1]])
    causal = np.where(np.tril(np.ones((n, n), bool)), scores - penalty, -np.inf)
    return {"O": np.stack([[softmax(row) for row in head] for head in causal]) @ x.V}


@case("cached-transformer", (dict(h=1, p=3, m=3, c=2, e=3, f=2, d=3, i=3),
                             dict(h=2, p=7, m=7, c=5, e=4, f=3, d=6, i=6)))
def cached_transformer(x):
    gate = sigmoid(x.X @ x.W + x.C @ x.U)
    cache = (1 - gate) * x.C + gate * x.X
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        own = attend(x.Q[h, p], x.K[h, :p + 1], x.V[h, :p + 1], root(x))
        old = attend(x.Q[h, p], cache @ x.Wk[h], cache @ x.Wv[h], root(x))
        a = sigmoid(x.lambda_[h])
        o[h, p] = (1 - a) * own + a * old
    return {"O": o, "C1": cache}


@case("lckv", (dict(l=1, h=2, g=1, p=4, m=4, e=3, f=2), dict(l=3, h=4, g=2, p=9, m=9, e=5, f=3)))
def lckv(x):
    o = np.zeros(x.Q.shape[:3] + x.V.shape[2:])
    for l, h, p in np.ndindex(x.Q.shape[:3]):
        g = h * x.n["g"] // x.n["h"]
        o[l, h, p] = attend(x.Q[l, h, p], x.K[g, :p], x.V[g, :p], root(x))
    return {"O": o}


@case("shared-attention", (dict(l=1, h=2, p=4, m=4, e=3, f=2), dict(l=3, h=3, p=9, m=9, e=5, f=3)))
def shared_attention(x):
    n = x.n["p"]
    scores = root(x) * np.einsum("hpe,hme->hpm", x.Q, x.K)
    scores = np.where(np.tril(np.ones((n, n), bool)), scores, -np.inf)
    weights = np.array([[softmax(row) for row in head] for head in scores])
    return {"O": np.einsum("hpm,lhmf->lhpf", weights, x.V)}


@case("mla", (dict(b=1, h=2, p=2, m=5, d=3, c=4, r=2, f=3),
              dict(b=2, h=3, p=5, m=9, d=5, c=7, r=4, f=3)))
def mla(x):
    """Not absorbed: keys and values of every head are made first."""
    keys = np.einsum("hdc,bmc->bhmd", x.Uk, x.C)
    values = np.einsum("hcf,bmc->bhmf", x.Uv, x.C)
    rows, cols = x.n["p"], x.n["m"]
    scale = 1 / math.sqrt(x.n["d"] + x.n["r"])
    o = np.zeros(x.Q.shape[:3] + (x.n["f"],))
    for b, h, p in np.ndindex(x.Q.shape[:3]):
        query = np.concatenate([x.Q[b, h, p], x.Qr[b, h, p]])
        last = cols - rows + p + 1
        key = np.concatenate([keys[b, h], x.Kr[b]], axis=1)[:last]
        o[b, h, p] = attend(query, key, values[b, h, :last], scale)
    return {"O": o}


@case("slim-attention", (dict(h=1, p=1, m=5, d=4, e=4, f=3), dict(h=2, p=3, m=9, d=8, e=8, f=5)))
def slim_attention(x):
    """Values are made from keys, which is what the method saves."""
    rows, cols = x.n["p"], x.n["m"]
    o = np.zeros((x.n["h"], rows, x.n["f"]))
    for h, p in np.ndindex(x.Q.shape[:2]):
        last = cols - rows + p
        keys = np.stack([rope(x.K[h, m], m) for m in range(last + 1)])
        values = x.K[h, :last + 1] @ x.Wkv[h]
        o[h, p] = attend(rope(x.Q[h, p], last), keys, values, 1 / math.sqrt(x.n["d"]))
    return {"O": o}


@case("lm-infinite", (dict(h=1, p=6, m=6, e=4, f=3), dict(h=2, p=15, m=15, e=8, f=5)),
      params=dict(sink=2, w=5, farthest=3))
def lm_infinite(x):
    """Both sides are rotated: the query to its distance from a key at 0."""
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        kept = [m for m in range(p + 1) if m < x.sink or p - m < x.w]
        scores = []
        for m in kept:
            offset = 50                 # any position of the key does
            distance = min(p - m, x.farthest)
            scores.append(root(x) * rope(x.Q[h, p], offset + distance)
                          @ rope(x.K[h, m], offset))
        o[h, p] = softmax(scores) @ x.V[h, kept]
    return {"O": o}


@case("duo-attention", (dict(h=2, g=2, p=5, m=5, e=4, f=3), dict(h=4, g=2, p=13, m=13, e=5, f=3)),
      params=dict(sink=1, w=3))
def duo_attention(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        g = h * x.n["g"] // x.n["h"]
        if x.retrieval[g]:
            kept = list(range(p + 1))
        else:
            kept = sorted(set(range(min(x.sink, p + 1))) | set(range(max(0, p - x.w + 1), p + 1)))
        o[h, p] = attend(x.Q[h, p], x.K[g, kept], x.V[g, kept], root(x))
    return {"O": o}


@case("bigbird", (dict(h=1, p=12, m=12, e=3, f=2, i=3, j=1), dict(h=2, p=35, m=35, e=5, f=3, i=9, j=2)),
      params=dict(block=4, w=1, first=1),
      make=dict(random=lambda rng, n: rng.integers(0, n["i"], (n["h"], n["i"], n["j"]), dtype=np.int32)))
def bigbird(x):
    """Block by block: the list of key blocks of each block of queries."""
    blocks = x.n["i"]
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        for i in range(blocks):
            chosen = set(range(blocks)) if i < x.first else (
                set(range(x.first)) | set(range(max(0, i - x.w), min(blocks, i + x.w + 1)))
                | set(x.random[h, i]))
            keys = [m for c in sorted(chosen) for m in range(c * x.block, min((c + 1) * x.block, x.n["m"]))]
            for p in range(i * x.block, min((i + 1) * x.block, x.n["p"])):
                o[h, p] = attend(x.Q[h, p], x.K[h, keys], x.V[h, keys], root(x))
    return {"O": o}


@case("neighbourhood", (dict(h=1, y=3, x=4, e=3, f=2, i=5, j=5), dict(h=2, y=6, x=7, e=5, f=3, i=5, j=5)),
      params=dict(size=3))
def neighbourhood(x):
    height, width, k = x.n["y"], x.n["x"], x.size
    o = np.zeros(x.Q.shape[:3] + x.V.shape[3:])
    for h, r, c in np.ndindex(x.Q.shape[:3]):
        top = max(0, min(r - k // 2, height - k))
        left = max(0, min(c - k // 2, width - k))
        scores, values = [], []
        for a in range(top, top + k):
            for b in range(left, left + k):
                scores.append(root(x) * x.Q[h, r, c] @ x.K[h, a, b] + x.B[h, a - r + k - 1, b - c + k - 1])
                values.append(x.V[h, a, b])
        o[h, r, c] = softmax(scores) @ np.array(values)
    return {"O": o}


def permutations(rng, n):
    return np.stack([rng.permutation(n["p"]) for _ in range(n["h"])]).astype(np.int32)


@case("paro", (dict(h=1, p=7, e=3, f=2, i=7, k=2, l=2), dict(h=2, p=19, e=5, f=3, i=19, k=5, l=5)),
      params=dict(block=4), make=dict(order=permutations))
def paro(x):
    """Permute, attend within the blocks of the mask, permute back."""
    o = np.zeros((x.n["h"], x.n["p"], x.n["f"]))
    for h in range(x.n["h"]):
        order = x.order[h]
        keep = np.kron(x.mask[h], np.ones((x.block, x.block)))[:len(order), :len(order)] > 0
        permuted = np.stack([attend(q, x.K[h][order], x.V[h][order], root(x), keep[i])
                             for i, q in enumerate(x.Q[h][order])])
        o[h] = permuted[np.argsort(order)]
    return {"O": o}


@case("sage", (dict(h=1, p=3, m=5, e=4, f=3, i=1, j=2), dict(h=2, p=9, m=13, e=8, f=5, i=3, j=4)),
      params=dict(block=4), make=dict(
          Qs=lambda rng, n: rng.uniform(0.005, 0.02, (n["h"], n["i"])).astype(np.float32),
          Ks=lambda rng, n: rng.uniform(0.005, 0.02, (n["h"], n["j"])).astype(np.float32)))
def sage(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        scores = np.array([root(x) * int(x.Q[h, p] @ x.K[h, m])
                           * x.Qs[h, p // x.block] * x.Ks[h, m // x.block]
                           for m in range(x.n["m"])])
        weights = np.exp(scores - scores.max())
        codes = np.round(weights * 127).astype(np.int64)
        o[h, p] = (codes @ x.V[h]) / 127 * x.Vs[h] / weights.sum()
    return {"O": o}


@case("hilo", (dict(a=1, b=1, y=4, x=4, e=3, f=2), dict(a=2, b=2, y=5, x=7, e=5, f=3)),
      params=dict(size=2))
def hilo(x):
    height, width, s = x.n["y"], x.n["x"], x.size
    high = np.zeros(x.Qh.shape[:3] + x.Vh.shape[3:])
    low = np.zeros(x.Ql.shape[:3] + x.Vl.shape[3:])
    tiles = [(slice(i, i + s), slice(j, j + s))
             for i in range(0, height, s) for j in range(0, width, s)]
    for a, tile in ((a, tile) for a in range(x.n["a"]) for tile in tiles):
        keys = x.Kh[a][tile].reshape(-1, x.n["e"])
        values = x.Vh[a][tile].reshape(-1, x.n["f"])
        for r in range(tile[0].start, min(tile[0].stop, height)):
            for c in range(tile[1].start, min(tile[1].stop, width)):
                high[a, r, c] = attend(x.Qh[a, r, c], keys, values, root(x))
    for b in range(x.n["b"]):
        keys = np.array([x.Kl[b][tile].mean(axis=(0, 1)) for tile in tiles])
        values = np.array([x.Vl[b][tile].mean(axis=(0, 1)) for tile in tiles])
        for r, c in np.ndindex(height, width):
            low[b, r, c] = attend(x.Ql[b, r, c], keys, values, root(x))
    return {"Oh": high, "Ol": low}


@case("ring-attention", (dict(h=2, g=1, p=4, m=4, e=3, f=2), dict(h=4, g=2, p=13, m=13, e=5, f=3)))
def ring_attention(x):
    """Part by part with the merge that devices of a ring make."""
    parts = np.array_split(np.arange(x.n["m"]), 3)
    o, lse = np.zeros(x.Q.shape[:2] + x.V.shape[2:]), np.zeros(x.Q.shape[:2])
    for h, p in np.ndindex(x.Q.shape[:2]):
        g = h * x.n["g"] // x.n["h"]
        top, mass, value = -np.inf, 0.0, np.zeros(x.n["f"])
        for part in parts:
            keys = part[part <= p]
            if len(keys) == 0:
                continue
            scores = root(x) * (x.K[g, keys] @ x.Q[h, p])
            new = max(top, scores.max())
            mass = mass * np.exp(top - new) + np.exp(scores - new).sum()
            value = value * np.exp(top - new) + np.exp(scores - new) @ x.V[g, keys]
            top = new
        o[h, p], lse[h, p] = value / mass, top + np.log(mass)
    return {"O": o, "L": lse}


@case("ulysses", (dict(h=2, g=1, p=4, m=4, e=3, f=2), dict(h=4, g=2, p=11, m=11, e=5, f=3)))
def ulysses(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for p, h in np.ndindex(x.Q.shape[:2]):
        g = h * x.n["g"] // x.n["h"]
        o[p, h] = attend(x.Q[p, h], x.K[:p + 1, g], x.V[:p + 1, g], root(x))
    return {"O": o}
