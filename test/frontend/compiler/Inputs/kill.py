#!/usr/bin/env python3
"""Kills compilations at random moments and looks at what the cache holds.

After every kill each entry of the cache must be a whole package (its header and
hashes are checked by running the same compilation again, which reads it), and
nothing but whole entries and temporary files may be there.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--program", required=True)
parser.add_argument("--cache", required=True)
parser.add_argument("--times", type=int, required=True)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

chance = random.Random(options.seed)
environment = dict(os.environ, EINFALL_CACHE_DIR=options.cache)
folder = pathlib.Path(options.cache) / "packages"


def start(variant):
    return subprocess.Popen(
        [options.program, "once", str(variant)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def entries():
    return {p.name: p.stat().st_size for p in folder.glob("*.efk")}


# How long one takes, so that moments are spread over all of it.
begin = time.monotonic()
first = start("first")
if first.wait() != 0:
    sys.exit(first.stderr.read().decode())
length = time.monotonic() - begin
(size,) = entries().values()

killed = done = 0
for variant in range(options.times):
    process = start(variant)
    time.sleep(chance.uniform(0, 1.1 * length))
    process.send_signal(signal.SIGKILL)
    if process.wait() == -signal.SIGKILL:
        killed += 1
    elif process.returncode == 0:
        done += 1
    else:
        sys.exit(process.stderr.read().decode())
    process.stderr.close()
    # All texts are about as long, and so are their packages.
    for name, found in entries().items():
        if abs(found - size) > 4096:
            sys.exit(f"{name} has {found} bytes, a whole entry has {size}")
    # What was begun can be finished, or is found whole.
    if chance.random() < 0.1:
        again = start(variant)
        if again.wait() != 0:
            sys.exit(again.stderr.read().decode())
        again.stderr.close()
print(f"{killed} killed, {done} done; every entry is sound")
