"""Runs examples at their own sizes on every target that they name.

    targets.py --einfall build/bin/einfall examples [NAME ...]

Without names, those without a test of their own in test/examples. What the line
`// targets:` says is held to it: the CPU and the emulated GPUs must agree with the
reference interpreter on random inputs, the GPUs in two orders of completion of what
is asynchronous, and "interpreter" must interpret them, with random inputs that meet
the kernel's preconditions. Prints a line for each failure, which is the command that
repeats it; exits with 1 if anything failed.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = ("1", "2")


def on_gpu(name):
    """Options of the runs on a GPU, emulated: one for each order of completion."""
    return tuple(("--random=1", "--verify", "--no-proofs", "--device",
                  f"emulated:{name}", "--device-seed", seed) for seed in SEEDS)


RUNS = {"cpu": (("--random=1", "--verify", "--no-proofs"),),
        "sm_80": on_gpu("sm_80"), "sm_90a": on_gpu("sm_90a"),
        "interpreter": tuple((f"--random={seed}", "--interpret") for seed in SEEDS)}
SECONDS = 120


def run(command, target):
    """What is wrong with a run, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end in {SECONDS} s"
    agrees = target == "interpreter" or ": accepted, " in done.stdout
    if done.returncode == 0 and agrees and ": rejected" not in done.stdout:
        return None
    return (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    ran, failed = 0, 0
    for path in sorted(options.examples.glob("*/*.ein")):
        name = path.stem
        if options.names and name not in options.names:
            continue
        if not options.names and (ROOT / "test" / "examples" / f"{name}.test").exists():
            continue
        for target in re.search(r"^// targets: (.*)$", path.read_text(), re.M)[1].split():
            for choice in RUNS[target]:
                command = [options.einfall, "run", str(path), *choice]
                ran += 1
                wrong = run(command, target)
                if wrong:
                    failed += 1
                    print(f"{' '.join(command)}\n    {wrong}", flush=True)
    print(f"{ran} runs, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
