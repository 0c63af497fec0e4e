"""Writes and shows .safetensors files by nothing but Python.

    safetensors.py write FILE NAME:SHAPE...    f32 numbers 0, 0.1, 0.2, ...
    safetensors.py show FILE
"""

import json
import math
import struct
import sys


def write(path, *tensors):
    header, data = {"__metadata__": {"by": "a test"}}, b""
    for text in tensors:
        name, shape = text.split(":")
        shape = [int(extent) for extent in shape.split(",")]
        values = struct.pack(f"<{math.prod(shape)}f", *[0.1 * i for i in range(math.prod(shape))])
        place = [len(data), len(data) + len(values)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": place}
        data += values
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def show(path):
    content = open(path, "rb").read()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    reached = 0
    for name, entry in json.loads(content[8 : 8 + length]).items():
        begin, end = entry["data_offsets"]
        assert begin == reached and end > begin
        reached = end
        print(name, entry["dtype"], entry["shape"])
    assert 8 + length + reached == len(content)


{"write": write, "show": show}[sys.argv[1]](*sys.argv[2:])
