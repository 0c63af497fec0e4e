"""same_queries.py REPORT...: names obligations of a kernel with equal hashes."""

import json
import sys

kernels = 0
for path in sys.argv[1:]:
    with open(path) as file:
        report = json.load(file)
    for kernel in report["kernels"]:
        kernels += 1
        seen = {}
        for obligation in kernel["obligations"]:
            first = seen.setdefault(obligation["hash"], obligation["name"])
            if first != obligation["name"]:
                print(obligation["name"], "is", first)
print(kernels, "kernels")
