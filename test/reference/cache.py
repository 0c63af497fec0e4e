"""References: decoding from caches that are paged, quantised or looked up."""

import math

import numpy as np

from cases import attend, case, largest, padded, rope, softmax


def root(x):
    return 1 / math.sqrt(x.n["e"])


def uniform(low, high, *ranks):
    """Draws numbers of these ranks from low .. high."""
    return lambda rng, n: rng.uniform(
        low, high, tuple(n[rank] for rank in ranks)).astype(np.float32)


def below(rank, *ranks, low=0):
    """Draws indices into a rank."""
    return lambda rng, n: rng.integers(
        low, n[rank], tuple(n[r] for r in ranks), dtype=np.int32)


@case("paged-decode", (dict(b=2, h=2, g=1, n=4, r=2, i=3, e=4, f=3),
                       dict(b=4, h=4, g=2, n=9, r=4, i=5, e=5, f=7)),
      make=dict(page=below("n", "b", "i", low=-1),
                length=lambda rng, n: np.array(
                    [0, n["i"] * n["r"], *rng.integers(1, n["i"] * n["r"], n["b"] - 2)],
                    dtype=np.int32)))
def paged_decode(x):
    o, lse = np.zeros(x.Q.shape[:2] + x.V.shape[3:]), np.full(x.Q.shape[:2], -np.inf)
    for b, h in np.ndindex(x.Q.shape[:2]):
        g = h * x.n["g"] // x.n["h"]
        rows = [(x.page[b, m // x.n["r"]], m % x.n["r"]) for m in range(x.length[b])]
        rows = [(page, row) for page, row in rows if page >= 0]
        if not rows:
            continue
        keys = np.array([x.K[page, row, g] for page, row in rows])
        values = np.array([x.V[page, row, g] for page, row in rows])
        scores = root(x) * keys @ x.Q[b, h]
        o[b, h] = softmax(scores) @ values
        lse[b, h] = np.log(np.exp(scores).sum())
    return {"O": o, "L": lse}


def ancestors(rng, n):
    """tree[p, i]: i is p or one of its ancestors."""
    tree = np.eye(n["p"], dtype=bool)
    for p in range(1, n["p"]):
        parent = rng.integers(-1, p)
        if parent >= 0:
            tree[p] |= tree[parent]
    return tree


@case("tree-decode", (dict(h=2, g=1, p=3, n=4, i=3, e=4, f=3), dict(h=4, g=2, p=7, n=11, i=7, e=5, f=3)),
      make=dict(tree=ancestors))
def tree_decode(x):
    """Two pieces, merged by the log-sum-exp of each."""
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        g = h * x.n["g"] // x.n["h"]
        seen = x.tree[p]
        old = root(x) * x.K[g] @ x.Q[h, p]
        new = root(x) * x.Kt[g][seen] @ x.Q[h, p]
        l1, l2 = np.log(np.exp(old).sum()), np.log(np.exp(new).sum())
        total = np.logaddexp(l1, l2)
        o[h, p] = (np.exp(l1 - total) * (softmax(old) @ x.V[g])
                   + np.exp(l2 - total) * (softmax(new) @ x.Vt[g][seen]))
    return {"O": o}


@case("kivi", (dict(h=2, g=1, m=32, r=3, e=8, f=32, c=1, j=1),
               dict(h=4, g=2, m=96, r=5, e=12, f=64, c=3, j=2)))
def kivi(x):
    """Scores of codes and of the tail apart, as the paper's two products."""
    o = np.zeros((x.n["h"], x.n["f"]))
    for h in range(x.n["h"]):
        g = h * x.n["g"] // x.n["h"]
        keys = np.array([x.Kq[g, m] * x.Ks[g, m // 32] + x.Kz[g, m // 32]
                         for m in range(x.n["m"])])
        values = np.array([[x.Vq[g, m, f] * x.Vs[g, m, f // 32] + x.Vz[g, m, f // 32]
                            for f in range(x.n["f"])] for m in range(x.n["m"])])
        scores = root(x) * np.concatenate([keys @ x.Q[h], x.Kr[g] @ x.Q[h]])
        weights = softmax(scores)
        o[h] = weights[:x.n["m"]] @ values + weights[x.n["m"]:] @ x.Vr[g]
    return {"O": o}


def rows(rank):
    """Offsets of the sparse rows of each head, in a list of that many numbers."""
    def draw(rng, n):
        cuts = np.sort(rng.integers(0, n[rank] + 1, (n["h"], n["m"] - 1)), axis=1)
        ends = np.full((n["h"], 1), n[rank])
        return np.concatenate([0 * ends, cuts, ends], axis=1).astype(np.int32)
    return draw


@case("kvquant", (dict(h=1, m=4, e=4, f=4, c=16, a=3, b=2), dict(h=2, m=10, e=8, f=6, c=16, a=11, b=9)),
      make=dict(Kp=rows("a"), Vp=rows("b"), Ki=below("e", "h", "a"), Vi=below("f", "h", "b")))
def kvquant(x):
    o = np.zeros((x.n["h"], x.n["f"]))
    for h in range(x.n["h"]):
        scores, values = [], []
        for m in range(x.n["m"]):
            key = np.array([x.Kt[h, e, x.Kq[h, m, e]] for e in range(x.n["e"])])
            for a in range(x.Kp[h, m], x.Kp[h, m + 1]):
                key[x.Ki[h, a]] += x.Kx[h, a]
            value = x.Vt[x.Vq[h, m]] * x.Vs[h, m] + x.Vz[h, m]
            for b in range(x.Vp[h, m], x.Vp[h, m + 1]):
                value[x.Vi[h, b]] += x.Vx[h, b]
            scores.append(root(x) * x.Q[h] @ rope(key, m))
            values.append(value)
        o[h] = softmax(scores) @ np.array(values)
    return {"O": o}


@case("gear", (dict(h=1, m=4, e=4, f=4, r=1), dict(h=2, m=10, e=8, f=6, r=3)),
      make=dict(Ki=below("e", "h", "m"), Vi=below("f", "h", "m")))
def gear(x):
    """The cache is made whole again: codes, low rank, outliers."""
    keys = x.Kq * x.Ks[..., None] + x.Kz[..., None] + x.Ka @ x.Kb
    values = x.Vq * x.Vs[..., None] + x.Vz[..., None] + x.Va @ x.Vb
    for h, m in np.ndindex(x.Kx.shape):
        keys[h, m, x.Ki[h, m]] += x.Kx[h, m]
        values[h, m, x.Vi[h, m]] += x.Vx[h, m]
    return {"O": np.stack([attend(x.Q[h], keys[h], values[h], root(x))
                           for h in range(x.n["h"])])}


@case("shadowkv", (dict(g=1, q=2, m=11, c=3, r=2, e=4, f=3), dict(g=2, q=3, m=35, c=9, r=5, e=8, f=3)),
      params=dict(budget=2))
def shadowkv(x):
    o = np.zeros((x.n["g"], x.n["q"], x.n["f"]))
    chunks = np.full((x.n["g"], x.budget), -1)
    for g in range(x.n["g"]):
        shares = np.stack([softmax(root(x) * x.L[g] @ x.Q[g, q]) for q in range(x.n["q"])])
        picked = largest(shares.max(axis=0), x.budget)
        chunks[g] = padded(picked, x.budget)
        tokens = [m for c in picked for m in range(4 * c, min(4 * c + 4, x.n["m"]))]
        keys = np.array([rope(x.A[m] @ x.B[g], m) for m in tokens])
        for q in range(x.n["q"]):
            o[g, q] = attend(x.Q[g, q], keys, x.V[g, tokens], root(x))
    return {"O": o, "chunk": chunks}


@case("streaming-llm", (dict(h=1, m=7, e=4, f=3), dict(h=2, m=13, e=6, f=5)),
      params=dict(n=31, sink=3))
def streaming_llm(x):
    """Tokens arrive one by one; a list of slots and their tokens is kept."""
    size = x.n["m"]
    slots = {}
    for token in range(x.n_):
        slot = token if token < size else x.sink + (token - x.sink) % (size - x.sink)
        slots[slot] = token
    ordered = sorted(slots, key=slots.get)
    o = np.zeros((x.n["h"], x.n["f"]))
    for h in range(x.n["h"]):
        keys = np.array([rope(x.K[h, slot], i) for i, slot in enumerate(ordered)])
        query = rope(x.Q[h], len(ordered) - 1)
        o[h] = attend(query, keys, x.V[h, ordered], root(x))
    return {"O": o}


@case("snapkv", (dict(h=1, m=9, i=2, e=3, f=2), dict(h=2, m=23, i=4, e=5, f=3)),
      params=dict(budget=5, width=3))
def snapkv(x):
    size, observers = x.n["m"], x.n["i"]
    old = size - observers
    kept = np.full((x.n["h"], x.budget), -1)
    keys, values = [], []
    for h in range(x.n["h"]):
        votes = np.zeros(old)
        for i in range(observers):
            scores = root(x) * x.K[h] @ x.Q[h, i]
            scores[old + i + 1:] = -np.inf
            votes += softmax(scores)[:old]
        pooled = [max(votes[max(0, m - x.width // 2):m + x.width // 2 + 1]) for m in range(old)]
        chosen = largest(pooled, x.budget)
        kept[h] = padded(chosen, x.budget)
        all_kept = chosen + list(range(old, size))
        keys.append(x.K[h, all_kept])
        values.append(x.V[h, all_kept])
    return {"Kc": np.array(keys), "Vc": np.array(values), "keep": kept}


@case("h2o", (dict(h=1, p=5, m=5, e=3, f=2), dict(h=2, p=15, m=15, e=5, f=3)),
      params=dict(budget=2, recent=3))
def h2o(x):
    n = x.n["m"]
    o, mass = np.zeros(x.Q.shape[:2] + x.V.shape[2:]), np.zeros((x.n["h"], n))
    for h, p in np.ndindex(x.Q.shape[:2]):
        weights = softmax(root(x) * x.K[h, :p + 1] @ x.Q[h, p])
        o[h, p] = weights @ x.V[h, :p + 1]
        mass[h, :p + 1] += weights
    keep = [padded(largest(mass[h, :n - x.recent], x.budget), x.budget) for h in range(x.n["h"])]
    return {"O": o, "mass": mass, "keep": np.array(keep)}


@case("tokenselect", (dict(h=2, g=1, m=9, e=3, f=2), dict(h=4, g=2, m=23, e=5, f=3)),
      params=dict(budget=8, sink=2, w=3))
def tokenselect(x):
    heads, n = x.n["h"], x.n["m"]
    group = [h * x.n["g"] // heads for h in range(heads)]
    scores = np.stack([root(x) * x.K[group[h]] @ x.Q[h] for h in range(heads)])
    votes = sum(softmax(row) for row in scores)
    forced = [m for m in range(n) if m < x.sink or m >= n - x.w]
    elected = [m for m in largest(votes, n) if m not in forced]
    picked = forced + elected[:x.budget - len(forced)]
    o = np.stack([softmax(scores[h, picked]) @ x.V[group[h], picked] for h in range(heads)])
    return {"O": o, "pick": np.array(picked)}


@case("quest", (dict(h=1, m=10, e=3, f=2), dict(h=2, m=37, e=5, f=3)), params=dict(budget=3))
def quest(x):
    o, pages = np.zeros((x.n["h"], x.n["f"])), np.full((x.n["h"], x.budget), -1)
    for h in range(x.n["h"]):
        parts = [x.K[h, m:m + 4] for m in range(0, x.n["m"], 4)]
        bounds = [sum(max(q * k.min(axis=0)[e], q * k.max(axis=0)[e])
                      for e, q in enumerate(x.Q[h])) for k in parts]
        picked = largest(bounds, x.budget)
        pages[h] = padded(picked, x.budget)
        tokens = [m for c in picked for m in range(4 * c, min(4 * c + 4, x.n["m"]))]
        o[h] = attend(x.Q[h], x.K[h, tokens], x.V[h, tokens], root(x))
    return {"O": o, "page": pages}


@case("squeezed", (dict(h=1, m=11, e=3, f=2, c=4, d=2), dict(h=2, m=29, e=5, f=3, c=8, d=3)),
      params=dict(coarse=0.02, fine=0.03),
      make=dict(cluster=below("c", "h", "m"), parent=below("d", "h", "c")))
def squeezed(x):
    o = np.zeros((x.n["h"], x.n["f"]))
    kept = np.full((x.n["h"], x.n["m"]), -1)
    for h in range(x.n["h"]):
        size = np.bincount(x.cluster[h], minlength=x.n["c"])
        mass = np.bincount(x.parent[h], weights=size, minlength=x.n["d"])
        coarse = np.exp(root(x) * x.D[h] @ x.Q[h])
        coarse /= (mass * coarse).sum()
        alive = [c for c in range(x.n["c"]) if coarse[x.parent[h, c]] > x.coarse]
        fine = {c: np.exp(root(x) * x.C[h, c] @ x.Q[h]) for c in alive}
        total = sum(size[c] * fine[c] for c in alive)
        tokens = [m for m in range(x.n["m"])
                  if x.cluster[h, m] in fine and fine[x.cluster[h, m]] / total > x.fine]
        kept[h] = padded(tokens, x.n["m"])
        if tokens:
            o[h] = attend(x.Q[h], x.K[h, tokens], x.V[h, tokens], root(x))
    return {"O": o, "kept": kept}


def hadamard(rng, n):
    """The Hadamard matrix over the root of its order, a power of two."""
    matrix = np.ones((1, 1))
    while len(matrix) < n["e"]:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return (matrix / math.sqrt(len(matrix))).astype(np.float32)


@case("rotatekv", (dict(h=1, m=3, e=4, i=4, j=4, f=4, s=1), dict(h=2, m=9, e=8, i=8, j=8, f=6, s=2)),
      make=dict(W=hadamard, place=lambda rng, n: rng.permutation(n["e"]).astype(np.int32)))
def rotatekv(x):
    o = np.zeros((x.n["h"], x.n["f"]))
    for h in range(x.n["h"]):
        keys, values = list(x.Kf[h]), list(x.Vf[h])
        for m in range(x.n["m"]):
            stored = x.Kq[h, m] * x.Ks[h, m] + x.Kz[h, m]
            keys.append((stored @ x.W)[x.place])
            values.append(x.Vq[h, m] * x.Vs[h, m] + x.Vz[h, m])
        keys = np.array([rope(key, n) for n, key in enumerate(keys)])
        o[h] = attend(x.Q[h], keys, np.array(values), root(x))
    return {"O": o}
