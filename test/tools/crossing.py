"""Runs every example at sizes crossed, and compares each run with the interpreter.

    crossing.py --einfall build/bin/einfall examples [--device cpu ...]
                [--only NAME ...] [--sample SHARE] [--seed N]

On the CPU both |p| and |m| go through SIZES, each pair once with dense inputs and
once with inputs whose rows are permuted or padded; on an emulated device, which
has every pair of SMALL_SIZES, each pair runs with two device seeds. The other
extents, the patterns and the number of threads rotate, so that all values of one
meet all values of another over the examples. Seeds are fresh in every run of
this script; --seed repeats one.

Prints a line for each failure, which is the command that repeats it, and a
summary for each example. An example runs on the devices that its `// targets:`
line names. Exits with 1 if anything failed, or if nothing ran.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1] / "examples"
SIZES = (1, 3, 17, 63, 65, 127, 129, 1000)
SMALL_SIZES = (1, 17, 65, 129)
EXTENTS = ((8, 40), (40, 64), (64, 80), (80, 8), (64, 40), (8, 80), (40, 8))
PATTERNS = ("normal", "peaky", "coded", "constant", "huge")
OTHER_LAYOUTS = ("permuted", "padded")
TARGET_OF = {"cpu": "cpu", "emulated:sm_80": "sm_80", "emulated:sm_90a": "sm_90a"}
# Parameters whose values decide what a mask keeps: the defaults would hardly
# exclude anything at these sizes.
PARAMETERS = {"window": (("w=1", "sink=0"), ("w=40", "sink=3"),
                         ("w=65", "sink=64"), ("w=256", "sink=4"))}
SECONDS = 600


class Example:
    """What a cascade file says about itself."""

    def __init__(self, path):
        text = path.read_text()
        self.path = path
        self.name = path.stem
        self.targets = re.search(r"^// targets: (.*)$", text, re.M)[1].split()
        defaults = re.search(r"^default (.*)$", text, re.M)[1]
        self.ranks = re.findall(r"(\w+) = ", defaults)
        head = re.search(r"^kernel .*?\{", text, re.M | re.S)[0]
        self.outputs = len(re.findall(r"\w+\[", head.split("->")[1]))


def extents(example, p, m, turn):
    """Values of every rank that the example has: some heads, few of them."""
    e, f = EXTENTS[turn % len(EXTENTS)]
    groups = ((2, 1), (4, 2), (3, 3))[turn % 3]
    values = {"b": 1 + turn % 2, "h": groups[0], "g": groups[1],
              "p": p, "m": m, "e": e, "f": f}
    return {rank: values[rank] for rank in example.ranks}


def commands(einfall, example, device, seeds, share):
    """The runs of one example on one device, as argument lists."""
    sizes = SIZES if device == "cpu" else SMALL_SIZES
    turn = seeds.randrange(1000)
    for p in sizes:
        for m in sizes:
            for variant in range(2):
                turn += 1
                if seeds.random() >= share:
                    continue
                layout = "dense" if variant == 0 else OTHER_LAYOUTS[turn // 2 % 2]
                if device != "cpu":
                    layout = ("dense", "permuted", "padded")[turn % 3]
                command = [einfall, "run", str(example.path), "--verify",
                           "--no-proofs", f"--random={seeds.randrange(1 << 30)}",
                           "--pattern", PATTERNS[turn % len(PATTERNS)],
                           "--layout", layout]
                for rank, extent in extents(example, p, m, turn).items():
                    command += ["-D", f"{rank}={extent}"]
                choices = PARAMETERS.get(example.name, ((),))
                for parameter in choices[turn % len(choices)]:
                    command += ["--param", parameter]
                if device == "cpu":
                    command += ["--threads", str(1 + turn % 3)]
                else:
                    command += ["--device", device, "--device-seed",
                                str(seeds.randrange(1 << 30))]
                yield command


def run(command, outputs):
    """Runs one command. What is wrong, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end in {SECONDS} s"
    bad = [line for line in done.stdout.splitlines() if "rejected" in line]
    if bad:
        return bad[0]
    if done.returncode != 0:
        text = done.stderr.strip() or done.stdout.strip() or "no output"
        return f"exit code {done.returncode}: {text.splitlines()[0]}"
    accepted = done.stdout.count(": accepted, ")
    if accepted != outputs:
        return f"{accepted} of {outputs} outputs accepted"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("--einfall", required=True)
    parser.add_argument("--device", action="append", choices=TARGET_OF)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--sample", type=float, default=1, metavar="SHARE",
                        help="of the runs, drawn at random (default 1: all)")
    parser.add_argument("--seed", type=int,
                        default=int.from_bytes(os.urandom(4), "little"))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")

    # Those with a test of their own have the ranks that are crossed here.
    examples = [Example(path) for path in sorted(arguments.examples.glob("*/*.ein"))
                if (TESTS / f"{path.stem}.test").exists()]
    ran, failed = collections.Counter(), collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for device in arguments.device or TARGET_OF:
            for example in examples:
                if arguments.only and example.name not in arguments.only:
                    continue
                if TARGET_OF[device] not in example.targets:
                    continue
                # A seed of its own for each, so that --only repeats it.
                seeds = random.Random(f"{arguments.seed} {device} {example.name}")
                jobs = list(commands(arguments.einfall, example, device, seeds,
                                     arguments.sample))
                key = f"{example.name} on {device}"
                verdicts = pool.map(lambda job: run(job, example.outputs), jobs)
                for job, wrong in zip(jobs, verdicts):
                    ran[key] += 1
                    if wrong:
                        failed[key] += 1
                        print(f"failed: {' '.join(job)}\n        {wrong}", flush=True)
                print(f"{key}: {ran[key] - failed[key]} of {ran[key]} accepted",
                      flush=True)
    print(f"{ran.total() - failed.total()} of {ran.total()} runs accepted")
    return 1 if failed or not ran else 0


sys.exit(main())
