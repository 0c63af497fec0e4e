"""References: keys chosen by the data, and scores in two stages."""

import math

import numpy as np

from cases import attend, case, largest, softmax


def root(x):
    return 1 / math.sqrt(x.n["e"])


def pieces(length, size):
    """The blocks of 0 .. length."""
    return [range(start, min(start + size, length)) for start in range(0, length, size)]


@case("infllm-v2", (dict(g=1, q=2, p=10, m=10, e=3, f=2), dict(g=2, q=2, p=23, m=23, e=5, f=3)),
      params=dict(block=4, budget=2))
def infllm_v2(x):
    n = x.n["m"]
    o = np.zeros(x.Q.shape[:3] + x.V.shape[2:])
    blocks = pieces(n, x.block)
    for g in range(x.n["g"]):
        spans = [range(s, min(s + 4, n)) for s in range(0, n, 2)]
        means = [x.K[g, list(span)].mean(axis=0) for span in spans]
        for p in range(x.n["p"]):
            past = [c for c in range(len(spans)) if 2 * c + 3 <= p]
            shared = np.zeros(len(past))
            for q in range(x.n["q"]):
                shared += softmax([root(x) * means[c] @ x.Q[g, q, p] for c in past])
            need = []
            for block in blocks:
                touching = [shared[i] for i, c in enumerate(past)
                            if 2 * c < block.start + x.block and 2 * c + 4 > block.start]
                need.append(max(touching) if touching else None)
            chosen = set(largest(need, x.budget)) | {0, p // x.block}
            keys = [m for b in sorted(chosen) for m in blocks[b] if m <= p]
            for q in range(x.n["q"]):
                o[g, q, p] = attend(x.Q[g, q, p], x.K[g, keys], x.V[g, keys], root(x))
    return {"O": o}


@case("moba", (dict(h=1, p=10, m=10, e=3, f=2), dict(h=2, p=23, m=23, e=5, f=3)),
      params=dict(block=4, budget=2))
def moba(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    blocks = pieces(x.n["m"], x.block)
    for h, p in np.ndindex(x.Q.shape[:2]):
        own = p // x.block
        need = [x.K[h, list(b)].mean(axis=0) @ x.Q[h, p] for b in blocks[:own]]
        chosen = largest(need, x.budget) + [own]
        keys = [m for b in chosen for m in blocks[b] if m <= p]
        o[h, p] = attend(x.Q[h, p], x.K[h, keys], x.V[h, keys], root(x))
    return {"O": o}


@case("vertical-slash", (dict(h=1, p=8, m=8, e=3, f=2), dict(h=2, p=21, m=21, e=5, f=3)),
      params=dict(last=4, columns=2, diagonals=3))
def vertical_slash(x):
    n = x.n["m"]
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        vertical, slash = np.zeros(n), np.zeros(n)
        for p in range(n - x.last, n):
            weights = softmax(root(x) * x.K[h, :p + 1] @ x.Q[h, p])
            vertical[:p + 1] += weights
            for m in range(p + 1):
                slash[p - m] += weights[m]
        columns = set(largest(vertical, x.columns))
        diagonals = set(largest(slash, x.diagonals))
        for p in range(n):
            keys = [m for m in range(p + 1) if m in columns or p - m in diagonals]
            o[h, p] = attend(x.Q[h, p], x.K[h, keys], x.V[h, keys], root(x))
    return {"O": o}


@case("hip", (dict(h=1, p=9, m=13, e=3, f=2), dict(h=2, p=29, m=31, e=5, f=3)),
      params=dict(block=4, levels=3, chunks=4))
def hip(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        for block in pieces(x.n["p"], x.block):
            width = 2 ** x.levels
            chunks = [width * j for j in range(x.chunks)]
            while width > 1:
                width //= 2
                halves = [start + half for start in chunks for half in (0, width)]
                need = []
                for start in halves:
                    middle = start + width // 2
                    scores = [root(x) * x.K[h, middle] @ x.Q[h, p] for p in block
                              if start <= p and middle < x.n["m"]]
                    need.append(max(scores) if scores else None)
                chunks = [halves[i] for i in largest(need, x.chunks)]
            for p in block:
                keys = [m for m in chunks if m <= p and m < x.n["m"]]
                o[h, p] = attend(x.Q[h, p], x.K[h, keys], x.V[h, keys], root(x))
    return {"O": o}


@case("landmark", (dict(h=1, p=7, m=7, e=3, f=2, c=2), dict(h=2, p=18, m=18, e=5, f=3, c=5)),
      params=dict(block=4))
def landmark(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    blocks = pieces(x.n["m"], x.block)
    for h, p in np.ndindex(x.Q.shape[:2]):
        own = p // x.block
        near = [m for m in blocks[own] if m <= p]
        top = softmax(root(x) * np.concatenate([x.K[h, near], x.L[h, :own]]) @ x.Q[h, p])
        o[h, p] = top[:len(near)] @ x.V[h, near]
        for c in range(own):
            o[h, p] += top[len(near) + c] * attend(
                x.Q[h, p], x.K[h, list(blocks[c])], x.V[h, list(blocks[c])], root(x))
    return {"O": o}


@case("combiner", (dict(h=1, p=7, m=7, e=3, f=2), dict(h=2, p=18, m=18, e=5, f=3)),
      params=dict(block=4))
def combiner(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    blocks = [list(b) for b in pieces(x.n["m"], x.block)]
    for h in range(x.n["h"]):
        keys = [x.K[h, b].max(axis=0) for b in blocks]
        expected = [attend(x.Q[h, b].max(axis=0), x.K[h, b], x.V[h, b], root(x)) for b in blocks]
        for p in range(x.n["p"]):
            own = p // x.block
            near = [m for m in blocks[own] if m <= p]
            all_keys = np.array([*x.K[h, near], *keys[:own]])
            all_values = np.array([*x.V[h, near], *expected[:own]])
            o[h, p] = attend(x.Q[h, p], all_keys, all_values, root(x))
    return {"O": o}


@case("informer", (dict(h=1, p=5, m=4, e=3, f=2, u=2), dict(h=2, p=13, m=11, e=5, f=3, u=4)),
      params=dict(budget=3),
      make=dict(sample=lambda rng, n: rng.integers(0, n["m"], (n["p"], n["u"]), dtype=np.int32)))
def informer(x):
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        spread = []
        for p in range(x.n["p"]):
            scores = root(x) * x.K[h, x.sample[p]] @ x.Q[h, p]
            spread.append(scores.max() - scores.mean())
        o[h] = x.V[h].mean(axis=0)
        for p in largest(spread, x.budget):
            o[h, p] = attend(x.Q[h, p], x.K[h], x.V[h], root(x))
    return {"O": o}


@case("routing", (dict(h=1, p=6, m=6, e=3, f=2, c=2), dict(h=2, p=15, m=15, e=5, f=3, c=4)),
      params=dict(w=4))
def routing(x):
    def unit(v):
        return (v - v.mean()) / np.sqrt(v.var() + 1e-5)

    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h in range(x.n["h"]):
        queries = np.array([unit(q) for q in x.Q[h]])
        keys = np.array([unit(k) for k in x.K[h]])
        found = [[] for _ in queries]
        for center in x.Mu[h]:
            members = largest(keys @ center, x.w)
            for p in largest(queries @ center, x.w):
                seen = [m for m in members if m <= p]
                found[p].append(attend(queries[p], keys[seen], x.V[h, seen], root(x)))
        for p, results in enumerate(found):
            if results:
                o[h, p] = np.mean(results, axis=0)
    return {"O": o}


@case("sparsek", (dict(h=1, p=5, m=5, e=3, f=2), dict(h=2, p=13, m=13, e=5, f=3)), params=dict(k=3))
def sparsek(x):
    """The threshold by bisection."""
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        u = x.u[h, :p + 1]
        low, high = u.min() - 2, u.max()
        for _ in range(200):
            tau = (low + high) / 2
            low, high = (tau, high) if np.clip(u - tau, 0, 1).sum() >= x.k else (low, tau)
        share = np.clip(u - low, 0, 1) if p + 1 >= x.k else np.ones(p + 1)
        keep = share > 1e-13
        o[h, p] = attend(x.Q[h, p], x.K[h, :p + 1], share[:, None] * x.V[h, :p + 1], root(x), keep)
    return {"O": o}


@case("tome", (dict(h=1, p=5, m=5, e=3, f=2), dict(h=2, p=13, m=13, e=5, f=3)), params=dict(merges=2))
def tome(x):
    """The paper's steps: match, keep the best edges, merge, attend with sizes."""
    metric = x.K.mean(axis=0)
    metric = metric / np.linalg.norm(metric, axis=1, keepdims=True)
    like = metric[0::2] @ metric[1::2].T
    groups = {m: [m] for m in range(x.n["m"])}
    for a in largest(like.max(axis=1), x.merges):
        target = 2 * int(like[a].argmax()) + 1
        groups[target] += groups.pop(2 * a)
    sizes = np.array([len(g) for g in groups.values()])
    o = np.zeros(x.Q.shape[:2] + x.V.shape[2:])
    for h, p in np.ndindex(x.Q.shape[:2]):
        keys = np.array([x.K[h, g].mean(axis=0) for g in groups.values()])
        values = np.array([x.V[h, g].mean(axis=0) for g in groups.values()])
        o[h, p] = softmax(root(x) * keys @ x.Q[h, p] + np.log(sizes)) @ values
    return {"O": o}
