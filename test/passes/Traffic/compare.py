"""Holds closed forms of traffic against what emulated devices count.

    compare.py --einfall PROGRAM --traffic PROGRAM --examples FOLDER
               [--cases FILE] [--all] [--wrong term|extent] [--verbose] [NAME ...]

For the examples that the cases name, and both targets: the device program is
compiled for a launch, `einfall-traffic` derives what it moves and evaluates it, the
emulated device runs it, and sectors of 32 bytes of loads, copies and stores are
compared. Without --all, one launch of each example is tried, else all of them.

Exit code 1 where what is said to be exact is not what was counted, or an upper
bound is below it; with --wrong (expressions are made wrong) where nothing of that
is noticed.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

TARGETS = ("sm_80", "sm_90a")
COUNTERS = {"loads": "global loads [32-byte sectors]",
            "copies": "asynchronous copies [32-byte sectors]",
            "stores": "global stores [32-byte sectors]"}
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def cases(path):
    """Example, extents that its programs are compiled for, launches."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, fixed, launches = line.rstrip("\n").split("\t")
                yield name, fixed, launches.split()


def entries(text):
    return [each for each in text.split(",") if each]


def compare(options, folder, name, fixed, target, launch):
    source = os.path.join(options.examples, name, name + ".ein")
    kernel, program = (os.path.join(folder, each) for each in ("k.mlir", "p.mlir"))
    text = run(options.einfall, "compile", source, "--emit=cascade", "-o", "-")
    with open(kernel, "w", encoding="utf-8") as file:
        file.write(text)
    with open(source, encoding="utf-8") as file:
        params = set(re.findall(r"(\w+): (?:i32|f32) =", file.read()))
    given = []
    for each in entries(launch):
        key = each.split("=")[0]
        given += ["--param", each] if key in params else [f"-D{each}"]
    extents = [each for each in given if each.startswith("-D")]
    extents += [f"-D{each}" for each in entries(fixed)]
    given += [f"-D{each}" for each in entries(fixed)]
    run(options.einfall, "compile", source, "--no-proofs", "--target", target,
        "--emit=device", "-o", program, *extents)
    counted = run(options.einfall, "run", source, "--no-proofs", "--random=1",
                  "--counters", "--device", f"emulated:{target}", *given)
    count = {key: int(re.search(re.escape(text) + r"  (\d+)", counted)[1])
             for key, text in COUNTERS.items()}
    extra = ["--wrong", options.wrong] if options.wrong else []
    derived = json.loads(run(
        options.traffic, kernel, program, *(f"-D{each}" for each in entries(fixed)),
        "--launch", launch, *extra))
    wrong, isExact = [], True
    if "error" in derived:
        return derived, count, False, [derived["error"]]
    for key in COUNTERS:
        form = derived[key]
        isExact &= form["exact"]
        holds = (form["sectors"] == count[key] if form["exact"]
                 else form["sectors"] >= count[key])
        if not holds:
            relation = "is not" if form["exact"] else "is below"
            wrong.append(f"{key}: {form['sectors']} {relation} {count[key]}")
    return derived, count, isExact, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    for each in ("einfall", "traffic", "examples"):
        parser.add_argument("--" + each, required=True)
    parser.add_argument("--cases", default=os.path.join(HERE, "cases.tsv"))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--wrong")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    total = collections.Counter()
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name, fixed, launches in cases(options.cases):
            if options.names and name not in options.names:
                continue
            for target in TARGETS:
                for launch in launches if options.all else launches[:1]:
                    where = f"{name} {target} {fixed} {launch}"
                    try:
                        derived, count, isExact, wrong = compare(
                            options, folder, name, fixed, target, launch)
                    except RuntimeError as error:
                        derived, count, isExact = {}, {}, False
                        wrong = [str(error)]
                    total["launches"] += 1
                    total["exact"] += isExact
                    failed += [f"{where}: {each}" for each in wrong]
                    if options.verbose:
                        print(where, derived.get("version"), count,
                              "exact" if isExact else "at most",
                              f"{derived.get('derivation', 0):.2f}",
                              f"{derived.get('seconds', 0):.2f}", wrong or "",
                              flush=True)
    print(f"{total['launches']} launches, {total['exact']} exact, "
          f"{len(failed)} wrong")
    if not options.wrong:
        print("\n".join(failed))
    if bool(failed) != bool(options.wrong):
        sys.exit(1)


if __name__ == "__main__":
    main()
