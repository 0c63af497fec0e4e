"""Repeats the arithmetic of a choice of tiles, exactly.

    einfall explain --json ... | check_choice.py
"""

import json
import sys
from fractions import Fraction

PARTS = ["contraction", "panels", "special", "arithmetic", "shared", "copies"]


def check(choice):
    costs = {}
    for number, candidate in enumerate(choice["candidates"]):
        if "rejected" in candidate:
            assert candidate["rejected"], "a rejection without a reason"
            continue
        scores = candidate["rows"] * candidate["keys"]
        total = Fraction(0)
        for fold in candidate["folds"]:
            part = {name: Fraction(fold[name]) for name in PARTS}
            matrix = part["contraction"] + part["panels"]
            threads = max(part["special"], part["arithmetic"])
            if choice["program"] == "warpgroups":
                overlaps = candidate["rows"] > 64
                alone = part["contraction"] + max(part["panels"], threads)
            else:
                overlaps = candidate["blocks_of_an_sm"] * candidate["threads"] >= 256
                alone = matrix + threads
            busy = max(max(matrix, threads) if overlaps else alone, part["shared"])
            if candidate["stages"] > 1:
                clocks = max(busy, part["copies"])
            else:
                clocks = busy + part["copies"]
            assert (Fraction(fold["waits"]) > 0) == (candidate["blocks_of_an_sm"] == 1)
            clocks += Fraction(fold["waits"])
            assert clocks == Fraction(fold["clocks"]), (number, fold)
            total += clocks / scores
        assert total == Fraction(candidate["clocks_per_score"]), number
        costs[number] = total
    chosen = choice["chosen"]
    assert choice["least"]
    assert all(costs[chosen] <= cost for cost in costs.values())
    assert all(costs[chosen] < costs[other] for other in costs if other < chosen)
    shape = choice["candidates"][chosen]
    print(f"{shape['rows']} x {shape['keys']} of {len(costs)}")


for kernel in json.load(sys.stdin)["kernels"]:
    check(kernel["choice"])
