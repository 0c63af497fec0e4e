"""Runs a command with standard error on a terminal and prints what came there.

    terminal.py COMMAND...
"""

import os
import pty
import subprocess
import sys

own, other = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=other)
os.close(other)
text = b""
while True:
    try:
        part = os.read(own, 4096)
    except OSError:  # the other end is closed
        break
    if not part:
        break
    text += part
print("exit code", child.wait())
print(text.decode().replace("\033", "ESC").replace("\r\n", "\n").replace("\r", "CR"))
