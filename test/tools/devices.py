"""Runs one example on the emulated devices that it names, and compares.

    devices.py --einfall build/bin/einfall examples/plain/plain.ein

For each GPU of the example's `// targets:` line, for its elements as written and as
bf16 and f16, and for each of LAUNCHES: a run with every check of the device on
must agree with the reference interpreter, and a second one, in which asynchronous
operations complete in another order and other warps go first, must give the same
bits. Prints a line for each failure, which is the command that repeats it, and a
summary for each target. Exits with 1 if anything failed.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

# Extents; pattern and layout of the inputs. As others have it: several tiles,
# none that ends with the tensor, less than one, and rows of 16 bytes and not.
LAUNCHES = (
    ("p=65 m=129 e=32 f=48", "coded", "permuted"),
    ("p=130 m=130 e=64 f=32", "constant", "dense"),
    ("p=17 m=63 e=40 f=24", "peaky", "padded"),
    # Few rows and many keys: parts of the stream.
    ("p=3 m=700 e=32 f=40", "peaky", "dense"),
)
# With 16-bit elements also the widest tiles, aligned, and odd numbers of eight
# columns.
HALF_LAUNCHES = LAUNCHES[:2] + (
    ("p=150 m=200 e=128 f=128", "normal", "dense"),
    ("p=1 m=1 e=80 f=96", "normal", "dense"),
    ("p=1 m=530 e=128 f=64", "normal", "dense"),
    ("p=130 m=150 e=40 f=72", "normal", "dense"),
    ("p=70 m=90 e=36 f=20", "peaky", "dense"),
)
HEADS = {"b": 1, "h": 2, "g": 1}
# Parameters that decide what is kept, at these sizes.
PARAMETERS = {"window": ("w=40", "sink=3"), "softcap": ("cap=5",)}
DEVICE_SEEDS = (1, 2)
SECONDS = 600


class Example:
    """What a cascade file says about itself."""

    def __init__(self, path):
        self.text = path.read_text()
        self.name = path.stem
        self.path = path
        targets = re.search(r"^// targets: (.*)$", self.text, re.M)[1].split()
        self.gpus = [target for target in targets if target != "cpu"]
        defaults = re.search(r"^default (.*)$", self.text, re.M)[1]
        self.ranks = re.findall(r"(\w+) = ", defaults)
        head = re.search(r"^kernel .*?\{", self.text, re.M | re.S)[0]
        self.outputs = re.findall(r"(\w+)\[", head.split("->")[1])

    def variants(self, folder):
        """(elements, file, launches): as written, and with 16-bit elements."""
        yield "as written", self.path, LAUNCHES
        for element in ("bf16", "f16"):
            text = re.sub(r"\]: (f32|bf16)", f"]: {element}", self.text)
            if text == self.text:
                continue
            path = folder / f"{self.name}-{element}.ein"
            path.write_text(text)
            yield element, path, HALF_LAUNCHES


def launch(command, outputs, files):
    """What is wrong with a run, or None."""
    for file in files:
        file.unlink(missing_ok=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end in {SECONDS} s"
    for line in done.stdout.splitlines():
        if ": rejected at " in line:
            return line
    if done.returncode != 0:
        text = done.stderr.strip() or done.stdout.strip() or "no output"
        return f"exit code {done.returncode}: {text.splitlines()[0]}"
    if done.stdout.count(": accepted, ") != len(outputs):
        return "not every output was accepted"
    return None


def check(einfall, example, path, gpu, sizes, folder):
    """Commands that failed, and why; how many runs there were."""
    extents, pattern, layout = sizes
    command = [einfall, "run", str(path), "--verify", "--no-proofs", "--random=7",
               "--pattern", pattern, "--layout", layout,
               "--device", f"emulated:{gpu}"]
    values = dict(HEADS, **dict(pair.split("=") for pair in extents.split()))
    for rank in example.ranks:
        command += ["-D", f"{rank}={values[rank]}"]
    for parameter in PARAMETERS.get(example.name, ()):
        command += ["--param", parameter]
    found = []
    for seed in DEVICE_SEEDS:
        files = [folder / f"{name}.{seed}.npy" for name in example.outputs]
        full = command + ["--device-seed", str(seed), "--out"]
        full += [f"{name}={file}" for name, file in zip(example.outputs, files)]
        wrong = launch(full, example.outputs, files)
        if wrong:
            return [(full, wrong)]
        found.append([file.read_bytes() for file in files])
        if found[-1] != found[0]:
            return [(full, "other bits than with another order of completion")]
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("example", type=pathlib.Path)
    parser.add_argument("--einfall", required=True)
    arguments = parser.parse_args()
    example = Example(arguments.example)
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for gpu in example.gpus:
            launches = 0
            for elements, path, sizes in example.variants(folder):
                for each in sizes:
                    launches += 1
                    for command, wrong in check(arguments.einfall, example, path,
                                                gpu, each, folder):
                        failed += 1
                        print(f"failed ({elements}): {' '.join(command)}\n"
                              f"        {wrong}", flush=True)
            print(f"{example.name} on {gpu}: {launches} launches, each in "
                  f"{len(DEVICE_SEEDS)} orders")
    return 1 if failed or not example.gpus else 0


sys.exit(main())
