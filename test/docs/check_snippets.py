"""Checks that what the documents show is what happens.

    check_snippets.py --einfall PROGRAM --junit REPORT [FILE.md ...]

A code block says in an HTML comment just before it how it is checked:

    <!-- check: excerpt examples/plain/plain.ein -->
        its lines stand in that file, in this order, one after the other
    <!-- check: accepts -->    `einfall check` accepts it
    <!-- check: rejects language.sum -->
        `einfall check` rejects it and the message contains that text
    <!-- check: console -->
        each line `$ command` is run in the root of the project, in a shell
        with `einfall` on the PATH; what follows is expected on its standard
        output. A line `...` stands for any lines; `...` within a line for any
        text. Exit status 0 is expected.

Blocks without a comment are prose. Relative links are checked in every file.
Only the standard library is used.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(
    r"<!-- check: (?P<kind>\w+)(?: (?P<argument>[^\n]*?))? -->\s*\n"
    r"```[^\n]*\n(?P<text>.*?)^```", re.S | re.M)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.split()
    return [path for path in listed if os.path.exists(os.path.join(ROOT, path))]


def excerpt(text, argument, _program):
    with open(os.path.join(ROOT, argument), encoding="utf-8") as file:
        source = [line.rstrip() for line in file]
    wanted = [line.rstrip() for line in text.strip("\n").split("\n")]
    for start in range(len(source) - len(wanted) + 1):
        if source[start:start + len(wanted)] == wanted:
            return None
    return f"not an excerpt of {argument}"


def check(text, program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "snippet.ein")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run([program, "check", path], text=True,
                              capture_output=True, check=False, timeout=120)


def accepts(text, _argument, program):
    done = check(text, program)
    return None if done.returncode == 0 else done.stderr


def rejects(text, argument, program):
    done = check(text, program)
    if done.returncode != 1:
        return f"exit status {done.returncode} instead of 1\n{done.stderr}"
    if argument and argument not in done.stderr:
        return f"the message does not contain {argument!r}:\n{done.stderr}"
    return None


def pattern(lines):
    """A regular expression for expected output with `...` as wildcard."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(r"[^\n]*?".join(re.escape(part) for part in
                                         line.rstrip().split("...")) + r"[ ]*\n")
    return "".join(parts)


def console(text, _argument, program):
    steps = []
    for line in text.split("\n"):
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps and (line or steps[-1][1]):
            steps[-1][1].append(line)
    environment = dict(os.environ, NO_COLOR="1", PATH=os.pathsep.join(
        [os.path.dirname(program), os.environ["PATH"]]))
    for command, expected in steps:
        while expected and not expected[-1]:
            expected.pop()
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, text=True,
                              env=environment, capture_output=True,
                              check=False, timeout=600)
        if done.returncode:
            return f"$ {command}\nexit status {done.returncode}\n{done.stderr}"
        if not re.fullmatch(pattern(expected), done.stdout + ("" if done.stdout.endswith("\n") or not done.stdout else "\n")):
            return f"$ {command}\nprinted\n{done.stdout}\nexpected\n" + "\n".join(expected)
    return None


def links(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.S | re.M)
    text = re.sub(r"`[^`\n]+`", "", text)
    for target in LINK.findall(text):
        place = os.path.join(ROOT, os.path.dirname(path), target)
        if not os.path.exists(place):
            return f"the link {target} leads nowhere"
    return None


def cases(path, program):
    """Yields (name, None or the reason of failure) for one document."""
    yield path + ":links", links(path)
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    kinds = {"excerpt": excerpt, "accepts": accepts, "rejects": rejects,
             "console": console}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        run = kinds.get(block["kind"])
        if run is None:
            yield f"{path}:{line}", f"no such check: {block['kind']}"
            continue
        try:
            reason = run(block["text"], block["argument"], program)
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = str(error)
        yield f"{path}:{line}:{block['kind']}", reason


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("--junit", required=True)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    program = os.path.abspath(options.einfall)
    suite = ElementTree.Element("testsuite", name="snippets")
    failed = total = 0
    for path in options.files or documents():
        for name, reason in cases(path, program):
            total += 1
            case = ElementTree.SubElement(suite, "testcase",
                                          classname="snippets", name=name)
            if reason is not None:
                failed += 1
                ElementTree.SubElement(case, "failure").text = reason
                print(f"snippets: {name}: {reason}", file=sys.stderr)
    ElementTree.ElementTree(suite).write(options.junit)
    print(f"snippets: {total - failed} of {total} hold", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
