"""with_path.py FOLDER COMMAND...: runs a command with a folder first on PATH."""

import os
import sys

os.environ["PATH"] = sys.argv[1] + os.pathsep + os.environ["PATH"]
os.execvp(sys.argv[2], sys.argv[2:])
