"""Asks cvc5 about the obligations that Z3 proved for each example.

No example leaves an obligation that is refuted, so every answer must be unsat,
and every example that has a program for some target must have some.
"""

import pathlib
import subprocess
import sys
import tempfile


def main() -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(pathlib.Path(sys.argv[1]).glob("*/*.ein")):
            if "// targets: interpreter" in source.read_text():
                continue
            script = pathlib.Path(folder) / (source.stem + ".smt2")
            subprocess.run(
                ["einfall", "compile", source, "--emit=smt2", "-o", script], check=True
            )
            queries = script.read_text().count("(check-sat)")
            run = subprocess.run(
                ["cvc5", "--incremental", "--tlimit=60000", script],
                capture_output=True,
                text=True,
            )
            answers = run.stdout.split()
            agreed = queries > 0 and answers == ["unsat"] * queries
            failures += not agreed
            print(f"{source.stem}: {queries} obligations,", "unsat" if agreed else answers)
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
