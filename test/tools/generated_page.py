"""A page of the documentation that a script writes and a test holds to its sources.

A script calls run() with its docstring and a function that makes the text; its
command line then is

    SCRIPT --einfall build/bin/einfall [MORE]            writes the page
    SCRIPT --einfall build/bin/einfall [MORE] --check    compares, 1 if it differs
"""

import argparse
import difflib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN = 20


def run(doc, page, generate, add_arguments=lambda parser: None):
    """`page` is a path or makes one, `generate` the text, from the options."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--einfall", required=True)
    add_arguments(parser)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    path = page(options) if callable(page) else page
    text = generate(options)
    if not options.check:
        path.write_text(text)
        return 0
    current = path.read_text() if path.exists() else ""
    if current == text:
        return 0
    again = " ".join(argument for argument in sys.argv[1:] if argument != "--check")
    script = pathlib.Path(sys.argv[0]).resolve().relative_to(ROOT)
    print(f"{path} is not what its sources say; write it again:\n  {script} {again}")
    lines = list(difflib.unified_diff(current.splitlines(), text.splitlines(),
                                      "as it is", "as it should be", lineterm="", n=0))
    print("\n".join(lines[:SHOWN]))
    return 1
