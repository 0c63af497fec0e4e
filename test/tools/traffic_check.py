"""Holds what `einfall explain` says a schedule moves against what is counted.

    traffic_check.py --einfall build/bin/einfall [--cpu] SIZES EXAMPLES [NAME ...]

A line of SIZES: an example, `exact` or the tensors whose contents its traffic depends
on (then it is an upper bound), and extents, one set for each launch; separated by
tabs, and sets by spaces. Every example that names a GPU among its targets has to be
there. For both GPUs and every launch the total of the certificate's innermost boundary
has to be what the emulated device counted, or no less where it is an upper bound; and
it has to be as exact as the line says. With --wrong the first term of each total, a
number, is left out: then every comparison has to fail.

With --cpu the same for processors: what the certificate says that the program asks its
tensors for, and what a run with every access counted came to. `a|b` is where it depends
on the extents; `computed` stands for numbers that the program computes, of which no
tensor is to be blamed.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

SECONDS = 300
GPUS = ("sm_80", "sm_90a")


def compare(options, name, expected, target, launch):
    """What is wrong, or None."""
    command = [options.einfall, "explain", options.examples / name / f"{name}.ein",
               "--json", "--no-proofs", "--count", "--target", target]
    for extent in launch.split(","):
        command += ["-D", extent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        return done.stderr.strip() or f"exit {done.returncode}"
    kernel, = json.loads(done.stdout)["kernels"]
    schedule = kernel["certificate"]["boundaries"][-1].get("schedule")
    if not schedule:
        return "; ".join(kernel["notes"]) or "no traffic"
    total, counted = int(schedule["total"]), kernel["countedBytes"]
    first = schedule["terms"][0]
    left_out = first["bytes"] * first["times"] if options.wrong else 0
    is_exact = schedule["counted"] == "exact"
    if options.cpu:
        total = int(schedule["asked"])
        left_out = first["asked"] if options.wrong else 0
        is_exact = schedule["counted"] == "modelled"
    total -= left_out
    if counted != total and (is_exact or counted > total):
        return f"{schedule['counted']} {total}, counted {counted}"
    reads = set()
    for note in kernel["notes"]:
        if found := re.search(r"at most: .* depends on what (.*) holds?:", note):
            reads.update(found[1].split(", "))
        elif "at most: " in note and "depends on numbers that it computes" in note:
            reads.add("computed")
    said = "exact" if is_exact else ",".join(sorted(reads)) or "?"
    if said not in expected.split("|"):
        return f"is {said}, and is to be {expected}"
    return None


def examples_for(target, examples):
    for source in sorted(examples.glob("*/*.ein")):
        targets = re.search(r"^// targets: (.*)$", source.read_text(), re.M)
        if source.stem == source.parent.name and targets and target in targets[1]:
            yield source.stem


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("sizes", type=pathlib.Path)
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    lines = {}
    for line in options.sizes.read_text().splitlines():
        if line and not line.startswith("#"):
            name, expected, launches = line.split("\t")
            lines[name] = (expected, launches.split())
    kind, targets = ("cpu", ("cpu",)) if options.cpu else ("sm_", GPUS)
    wrong = [f"{name}: has no sizes" for name in examples_for(kind, options.examples)
             if name not in lines]
    runs = [(name, expected, target, launch)
            for name, (expected, launches) in lines.items()
            for target in targets for launch in launches
            if not options.names or name in options.names]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for run, why in zip(runs, pool.map(lambda run: compare(options, *run), runs)):
            if why:
                wrong.append(f"{run[0]} {run[2]} {run[3]}: {why}")
    for why in wrong:
        print(why)
    exact = sum("exact" in expected for _, expected, _, _ in runs)
    print(f"{len(runs)} launches, {exact} exact, {len(runs) - exact} at most, "
          f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
