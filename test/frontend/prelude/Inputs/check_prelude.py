"""Runs prelude.ein on a few rows and compares each output with its definition.

    check_prelude.py KERNEL FOLDER

Uses the standard library alone; `einfall` is found on the PATH.
"""

import math
import random
import struct
import subprocess
import sys

ROWS, WIDTH = 5, 8


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def save(path, rows):
    header = ("{'descr': '<f4', 'fortran_order': False, 'shape': "
              f"({len(rows)}, {len(rows[0])}), }}")
    header += " " * (64 - (len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
        file.write(header.encode())
        for row in rows:
            file.write(struct.pack(f"<{len(row)}f", *row))


def load(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack(f"<{(len(data) - start) // 4}f", data[start:])


def row(t, x):
    """Every output of one row, by the textbook."""
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    squares = sum(v * v for v in x)
    total = sum(math.exp(v) for v in x)
    half = len(x) // 2
    angle = [t * 10000.0 ** (-2.0 * i / len(x)) for i in range(half)]
    cos, sin = [math.cos(a) for a in angle], [math.sin(a) for a in angle]
    sigmoid = [1 / (1 + math.exp(-v)) for v in x]
    return {
        "softmax": [math.exp(v) / total for v in x],
        "softmax_one": [math.exp(v) / (1 + total) for v in x],
        "logsumexp": [math.log(total)],
        "mean": [mean],
        "variance": [variance],
        "normalize": [v / math.sqrt(squares) for v in x],
        "rmsnorm": [v / math.sqrt(squares / len(x) + 1e-6) for v in x],
        "layernorm": [(v - mean) / math.sqrt(variance + 1e-5) for v in x],
        "softcap": [2 * math.tanh(v / 2) for v in x],
        "rope": [x[i] * cos[i] - x[i + half] * sin[i] for i in range(half)]
                + [x[i + half] * cos[i] + x[i] * sin[i] for i in range(half)],
        "rsqrt": [math.exp(-v / 2) for v in x],
        "sigmoid": sigmoid,
        "silu": [v * s for v, s in zip(x, sigmoid)],
        "relu": [max(v, 0) for v in x],
        "gelu": [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x],
        "softplus": [math.log1p(math.exp(v)) for v in x],
        "exp2": [2.0 ** v for v in x],
        "log2": [v / math.log(2) for v in x],
    }


def main():
    kernel, folder = sys.argv[1:]
    random.seed(1)
    rows = [[single(random.gauss(0, 1)) for _ in range(WIDTH)]
            for _ in range(ROWS)]
    save(f"{folder}/x.npy", rows)
    wanted = {}
    for t, x in enumerate(rows):
        for name, values in row(t, x).items():
            wanted.setdefault(name, []).extend(values)
    command = ["einfall", "run", kernel, "--in", f"x={folder}/x.npy"]
    for name in wanted:
        command += ["--out", f"{name}={folder}/{name}.npy"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    bad = 0
    for name, values in wanted.items():
        found = load(f"{folder}/{name}.npy")
        # A few units in the last place of f32 at values up to 8.
        worst = max(abs(a - b) for a, b in zip(found, values))
        good = len(found) == len(values) and worst < 4e-6
        print(f"{name}: {'ok' if good else f'off by {worst}'}")
        bad += not good
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
