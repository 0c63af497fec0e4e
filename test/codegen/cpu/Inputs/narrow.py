"""Runs examples compiled for a processor and compares them with the interpreter.

    narrow.py EINFALL EXAMPLES PROCESSOR
"""

import subprocess
import sys

RUNS = [
    ("plain", "-D p=37 -D m=70 --layout permuted"),
    ("attention", "-D p=40 -D m=70 -D h=2 -D g=1 --pattern peaky"),
    ("attention", "-D p=1 -D m=300 -D h=2 -D g=1"),
    ("causal", "-D p=33 -D m=65 --layout padded"),
    ("alibi", "-D p=20 -D m=50"),
    ("softcap", "-D p=20 -D m=50"),
    ("logsumexp", "-D p=20 -D m=50"),
    ("sparsemax", "-D p=20"),
    ("grouped", "-D p=20 -D m=50"),
]

wrong = 0
for name, options in RUNS:
    command = [sys.argv[1], "run", f"{sys.argv[2]}/{name}/{name}.ein", "--no-proofs"]
    command += ["--random=3", "--verify", "--cpu", sys.argv[3], *options.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or "accepted" not in done.stdout:
        wrong += 1
        print(" ".join(command), done.stdout, done.stderr, sep="\n")
print(f"{wrong} are wrong" if wrong else "all accepted")
