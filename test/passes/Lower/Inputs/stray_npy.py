"""stray_npy.py FILE EXTENTxEXTENT... [KEY,FEATURE,NUMBER ...]

Normal numbers as an .npy file of f32, with `nan`, `inf` or `-inf` at some keys
(the last dimension but one) and features (the last; * for all), for all other
coordinates.
"""

import random
import struct
import sys

path, extents, *stray = sys.argv[1:]
shape = [int(extent) for extent in extents.split("x")]
keys, features = shape[-2:]
count = 1
for extent in shape:
    count *= extent
draw = random.Random(5)
numbers = [draw.gauss(0, 1) for _ in range(count)]
for entry in stray:
    key, feature, number = entry.split(",")
    columns = range(features) if feature == "*" else [int(feature)]
    for first in range(0, count, keys * features):
        for column in columns:
            numbers[first + int(key) * features + column] = float(number)
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"
header %= ", ".join(map(str, shape))
header += " " * ((-len(header) - 11) % 64) + "\n"
with open(path, "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
    file.write(header.encode() + struct.pack("<%df" % count, *numbers))
