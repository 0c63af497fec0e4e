"""Replaces the source of a package and makes its hashes right.

    swap-source.py FROM.efk SOURCE TO.efk

The format is that of runtime/core/Package.h. The source must be the last part.
"""

import struct
import sys

M = (1 << 64) - 1
P = [
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
]


def rotate(x, n):
    return (x << n | x >> (64 - n)) & M


def xxh64(data):
    """XXH64 with seed 0 (its published specification)."""

    def step(acc, lane):
        return rotate((acc + lane * P[1]) & M, 31) * P[0] & M

    at = 0
    if len(data) >= 32:
        acc = [(P[0] + P[1]) & M, P[1], 0, -P[0] & M]
        while at + 32 <= len(data):
            lanes = struct.unpack_from("<4Q", data, at)
            acc = [step(a, lane) for a, lane in zip(acc, lanes)]
            at += 32
        h = sum(rotate(a, n) for a, n in zip(acc, (1, 7, 12, 18))) & M
        for a in acc:
            h = ((h ^ step(0, a)) * P[0] + P[3]) & M
    else:
        h = P[4]
    h = (h + len(data)) & M
    while at + 8 <= len(data):
        (lane,) = struct.unpack_from("<Q", data, at)
        h = (rotate(h ^ step(0, lane), 27) * P[0] + P[3]) & M
        at += 8
    if at + 4 <= len(data):
        (lane,) = struct.unpack_from("<I", data, at)
        h = (rotate(h ^ lane * P[0] & M, 23) * P[1] + P[2]) & M
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ byte * P[4] & M, 11) * P[0] & M
    for shift, factor in ((33, P[1]), (29, P[2])):
        h = (h ^ h >> shift) * factor & M
    return h ^ h >> 32


package = bytearray(open(sys.argv[1], "rb").read())
source = open(sys.argv[2], "rb").read()
(count,) = struct.unpack_from("<I", package, 12)
entry = 32 + 32 * (count - 1)
kind, zero, offset, size = struct.unpack_from("<IIQQ", package, entry)
assert kind == 6 and offset + size == len(package)
package[offset:] = source
struct.pack_into("<QQ", package, entry + 16, len(source), xxh64(source))
struct.pack_into("<Q", package, 16, len(package))
header = bytes(package[:24]) + bytes(package[32 : 32 + 32 * count])
struct.pack_into("<Q", package, 24, xxh64(header))
open(sys.argv[3], "wb").write(package)
