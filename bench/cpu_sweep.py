#!/usr/bin/env python3
"""How near the CPU scheduler's first choice comes to the best of its space.

    bench/cpu_sweep.py [--top N] [--seconds S] [--out F.md] [EXAMPLE[:RANK=N,...] ...]

Runs `einfall tune` on every example that is tiled for the CPU (or on those
named): candidates of the whole space, or N of them, half by the model and half
from all over the rest, each timed in every round. What counts is the model's
first choice against the fastest by their medians; the report gives both, the
spread of the first choice's rounds, and the median over the examples.

A machine that is shared is made quiet by `--quietly CMD`: kernels are compiled
first, then `CMD tail --pid=PID -f /dev/null` runs while they are timed. Only
the standard library is used.
"""

import argparse
import datetime
import glob
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("examples", nargs="*", metavar="EXAMPLE")
    parser.add_argument("--einfall", default=os.path.join(ROOT, "build/bin/einfall"))
    parser.add_argument("--top", type=int, default=0, help="0: the whole space")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=0, help="0: one for every processor")
    parser.add_argument("--quietly", default="", metavar="CMD")
    parser.add_argument("--results", default="", metavar="FOLDER", help="keep results there")
    parser.add_argument("--report-only", action="store_true", help="of results that are there")
    parser.add_argument("--out", default="-", metavar="FILE.md")
    return parser.parse_args()


def path_of(example):
    return os.path.join(ROOT, "examples", example, example + ".ein")


def is_tiled(program, example):
    command = [program, "explain", path_of(example), "--json", "--no-proofs"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        return False
    return any(k["plan"]["kind"] == "tiles" for k in json.loads(run.stdout)["kernels"])


def tune(options, example, extents, result):
    """Tunes one example; what went wrong, or nothing."""
    command = [options.einfall, "tune", path_of(example), "--no-proofs"]
    command += [f"-D{extent}" for extent in extents]
    command += ["--top", str(options.top), "--seconds", str(options.seconds), "-o", result]
    command += ["--threads", str(options.threads)]
    if options.top:
        command.append("--spread")
    if not options.quietly:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.stderr.strip() if run.returncode else ""
    with subprocess.Popen(
        command + ["--hold"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        if run.stdout.readline().strip() != "ready":
            return run.stderr.read().strip()
        waits = ["tail", f"--pid={run.pid}", "-f", "/dev/null"]
        with subprocess.Popen(shlex.split(options.quietly) + waits) as quiet:
            time.sleep(2)
            _, error = run.communicate("\n")
            quiet.wait()
        return error.strip() if run.returncode else ""


def row_of(example, record):
    first = record["candidates"][0]
    best = min(record["candidates"], key=lambda c: c["seconds"])
    sizes = lambda c: ", ".join(f"{r} {n}" for r, n in sorted(c["schedule"]["tile"].items()))
    return {
        "share": best["seconds"] / first["seconds"],
        "line": f"| {example} | {', '.join(f'{r} {n}' for r, n in record['extents'].items())} "
        f"| {len(record['candidates'])} | {first['rounds']} "
        f"| {sizes(first)} | {first['seconds'] * 1e3:.3f} "
        f"({first['seconds10'] * 1e3:.3f} to {first['seconds90'] * 1e3:.3f}) "
        f"| {sizes(best)} | {best['seconds'] * 1e3:.3f} "
        f"| {100 * best['seconds'] / first['seconds']:.1f} % |",
        "machine": record["machine"],
        "version": record["einfall"],
    }


def report(rows, command):
    shares = sorted(row["share"] for row in rows)
    middle = len(shares) // 2
    median = shares[middle] if len(shares) % 2 else (shares[middle - 1] + shares[middle]) / 2
    lines = [
        "# The CPU scheduler's first choice against a sweep",
        "",
        f"{datetime.date.today()}, {rows[0]['machine']}, einfall {rows[0]['version']}. "
        f"`{command}`",
        "",
        "Times are medians in ms, in brackets the 10th and 90th percentile. Every round",
        "launches every candidate once. The last column is the fastest candidate's",
        "time over the first choice's; the fastest of many noisy medians is too fast by",
        "some of the noise.",
        "",
        "| example | extents | candidates | rounds | first choice | ms | fastest | ms | reached |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [row["line"] for row in rows]
    lines += [
        "",
        f"Median over {len(rows)} examples: {100 * median:.1f} %; least: {100 * shares[0]:.1f} %.",
    ]
    return "\n".join(lines) + "\n"


def main():
    options = arguments()
    examples = [text.partition(":")[::2] for text in options.examples]
    if not examples:
        names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(ROOT, "examples/*")))
        examples = [(n, "") for n in names if os.path.exists(path_of(n))]
        examples = [(n, e) for n, e in examples if is_tiled(options.einfall, n)]
    rows, failures = [], []
    folder = options.results or tempfile.mkdtemp(prefix="cpu-sweep-")
    os.makedirs(folder, exist_ok=True)
    for name, extents in examples:
        result = os.path.join(folder, name + ".json")
        error = ""
        if not options.report_only:
            print(f"{name} ...", file=sys.stderr)
            if os.path.exists(result):
                os.remove(result)
            error = tune(options, name, [e for e in extents.split(",") if e], result)
        if error or not os.path.exists(result):
            failures.append(f"{name}: {error or 'no results'}")
            continue
        with open(result, encoding="utf-8") as file:
            rows += [row_of(name, record) for record in json.load(file)["results"]]
    for failure in failures:
        print(failure, file=sys.stderr)
    if not rows:
        return 1
    text = report(rows, " ".join(["bench/cpu_sweep.py"] + sys.argv[1:]))
    if options.out == "-":
        print(text, end="")
    else:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(text)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
