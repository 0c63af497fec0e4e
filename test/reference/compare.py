"""Holds the reference interpreter to references in numpy, example by example.

    compare.py --einfall build/bin/einfall EXAMPLES [NAME ...]

EXAMPLES is the folder of examples; without names every case runs that the files
beside this one register (cases.py says how). Each runs at two sizes and with two
seeds: inputs are drawn here, written as .npy and read by `einfall run --interpret`,
whose outputs must agree. Both sides compute in float64 from the same inputs and
differ by the order of their sums, at most some 1e-12 at these sizes, and by the
rounding of an output to its type, half a unit in the last place: 2^-24 for f32.
Allowed are four such halves, relative to the greatest number of the output.
Integers must be equal. Prints a line for each failure and the number of runs;
exits with 1 if anything failed.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import zlib

import numpy as np

import cases

SEEDS = (1, 2)
TOLERANCE = {"f32": 2.0 ** -22, "bf16": 2.0 ** -7, "f16": 2.0 ** -9}
DTYPES = {"f32": np.float32, "f16": np.float16, "i32": np.int32, "i8": np.int8,
          "bool": np.bool_}
CODES = {"u2": (0, 4), "u4": (0, 16), "i4": (-8, 8)}
SECONDS = 120


class Signature:
    """Inputs (name, ranks, type) and outputs (name, type) of a kernel's text."""

    def __init__(self, text, kernel):
        text = re.sub(r"//[^\n]*", "", text)
        name = kernel or r"\w+"
        head = re.search(rf"^kernel ({name})\s*\((.*?)\)\s*->(.*?)\{{", text, re.M | re.S)
        self.kernel = head[1]
        self.inputs = [(tensor, [rank.strip() for rank in ranks.split(",")], element)
                       for tensor, ranks, element
                       in re.findall(r"(\w+)\[([^\]]*)\]: (\w+)", head[2])]
        self.outputs = dict(re.findall(r"(\w+)(?:\[[^\]]*\])?: (\w+)", head[3]))


def extent(rank, sizes):
    """Of `m`, `m+1` or `4`."""
    match = re.fullmatch(r"(\w+?)\s*(?:\+\s*(\d+))?", rank)
    base = int(match[1]) if match[1].isdigit() else sizes[match[1]]
    return base + int(match[2] or 0)


def bfloat16(array):
    """Rounded to bf16, kept as float32."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def draw(case, signature, sizes, seed):
    rng = np.random.default_rng((seed, zlib.crc32(case.name.encode())))
    inputs = {}
    for name, ranks, element in signature.inputs:
        shape = tuple(extent(rank, sizes) for rank in ranks)
        if name in case.make:
            array = np.asarray(case.make[name](rng, sizes))
            assert array.shape == shape, (case.name, name, array.shape, shape)
        elif element == "bool":
            array = rng.random(shape) < 0.5
        elif element == "i8":
            array = rng.integers(-127, 128, shape, dtype=np.int8)
        elif element in CODES:
            low, high = CODES[element]
            array = rng.integers(low, high, shape).astype(np.int8 if low else np.uint8)
        else:
            array = rng.standard_normal(shape).astype(np.float32)
        inputs[name] = bfloat16(array) if element == "bf16" else array
    return inputs


def difference(name, element, ours, reference):
    """What is wrong with an output, or None."""
    reference = np.asarray(reference)
    if ours.shape != reference.shape:
        return f"{name} has shape {ours.shape}, the reference {reference.shape}"
    if element in ("i32", "i8", "bool"):
        wrong = ours != reference
    else:
        allowed = TOLERANCE[element] * max(1.0, np.abs(reference[np.isfinite(reference)]).max(initial=0))
        with np.errstate(invalid="ignore"):
            wrong = ~((np.abs(ours - reference) <= allowed) | (ours == reference))
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (f"{name}{list(at)} is {ours[at]!r}, the reference {reference[at]!r} "
            f"({wrong.sum()} of {wrong.size} differ)")


def run(einfall, path, case, sizes, seed, folder):
    """What is wrong with a run, or None."""
    signature = Signature(path.read_text(), case.kernel)
    inputs = draw(case, signature, sizes, seed)
    command = [einfall, "run", str(path), "--interpret", "--kernel", signature.kernel]
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)
        command += ["--in", f"{name}={folder / name}.npy"]
    for name, value in case.params.items():
        command += ["--param", f"{name}={value}"]
    for name in signature.outputs:
        command += ["--out", f"{name}={folder / name}.out.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        return (done.stderr.strip() or "no output").splitlines()[0]
    expected = case.evaluate(cases.arguments(inputs, case.params, sizes))
    if set(expected) != set(signature.outputs):
        return f"outputs {sorted(signature.outputs)}, the reference has {sorted(expected)}"
    for name, element in signature.outputs.items():
        ours = np.load(folder / f"{name}.out.npy")
        if element not in ("i32", "i8", "bool"):
            ours = ours.astype(np.float64)
        wrong = difference(name, element, ours, expected[name])
        if wrong:
            return wrong
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    registered = cases.load()
    unknown = [name for name in options.names if name not in registered]
    if unknown:
        parser.error(f"no reference of {', '.join(unknown)}")
    runs, failed = 0, 0
    for name in options.names or sorted(registered):
        case = registered[name]
        for sizes in case.sizes:
            for seed in SEEDS:
                with tempfile.TemporaryDirectory() as folder:
                    wrong = run(options.einfall, options.examples / name / f"{name}.ein",
                                case, sizes, seed, pathlib.Path(folder))
                runs += 1
                if wrong:
                    failed += 1
                    print(f"{name} {sizes} seed {seed}: {wrong}")
    print(f"{runs} runs of {len(options.names or registered)} examples, {failed} failed")
    return 1 if failed or runs == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
