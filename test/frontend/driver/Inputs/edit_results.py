"""Changes results of `einfall tune`: edit_results.py FROM TO PATH=VALUE ...

A path is of names and numbers, with dots: results.0.machine. A value is JSON;
without one the entry is removed.
"""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    top = json.load(file)
for edit in sys.argv[3:]:
    path, equals, value = edit.partition("=")
    steps = [int(s) if s.isdigit() else s for s in path.split(".")]
    at = top
    for step in steps[:-1]:
        at = at[step]
    if equals:
        at[steps[-1]] = json.loads(value)
    else:
        del at[steps[-1]]
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(top, file)
