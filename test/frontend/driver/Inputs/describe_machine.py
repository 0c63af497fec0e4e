"""Writes a built-in machine description with some entries multiplied.

    describe_machine.py DESCRIPTION PATH=FACTOR ... > FILE.json
"""

import json
import sys

machine = json.load(open(sys.argv[1]))
for change in sys.argv[2:]:
    path, factor = change.split("=")
    *outer, last = path.split(".")
    where = machine
    for key in outer:
        where = where[key]
    where[last] = int(where[last] * float(factor))
json.dump(machine, sys.stdout)
