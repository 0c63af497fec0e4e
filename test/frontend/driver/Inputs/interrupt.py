"""Runs a command, interrupts it once a file is there, prints its exit code.

    interrupt.py FILE COMMAND ...
"""

import os
import signal
import subprocess
import sys
import time

with subprocess.Popen(sys.argv[2:]) as process:
    deadline = time.monotonic() + 300
    while not os.path.exists(sys.argv[1]) and process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            sys.exit("no result came")
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
print("exit code", process.returncode)
