"""Finds numbers of machine descriptions that stand elsewhere in the compiler.

    machine_facts.py ROOT

Literals, products and shifts of literals are compared with every number of the
descriptions that is telling enough: 1024 or 128 may be anything. Each file and
number below is no machine fact there, for the reason beside it. Prints what is
found, and every exception that nothing needs any more.
"""

import json
import pathlib
import re
import sys

FOLDERS = ["codegen", "dialect", "frontend", "passes", "runtime"]
SUFFIXES = {".h", ".cpp", ".td", ".inc", ".def", ".in"}

# Transcribed or asked for on their own, by design.
READERS = {
    "runtime/devices/emulated": "a second reading of the documents, to disagree",
    "runtime/devices/cuda": "asks the driver; knows nothing of the compiler",
}
EXCEPTIONS = {
    ("dialect/Interpreter/Elements.cpp", 255): "an exponent in eight bits",
    ("frontend/driver/explain/Pictures.cpp", 110): "pixels",
    ("frontend/driver/explain/Pictures.cpp", 470): "pixels",
}
# Numbers that may be anything, and those below. Masks of bits are no numbers.
COMMON = {2**i for i in range(60)}
SMALLEST = 100

LITERAL = r"(?:\d[\d']*(?:\.\d+)?(?:[eE][+-]?\d+)?)[uUlLfF]*"
EXPRESSION = re.compile(
    r"(?<![\w.])" + LITERAL + r"(?:\s*(?:\*|<<)\s*" + LITERAL + r")*(?![\w.])"
)


def value_of(expression):
    text = re.sub(r"'", "", expression)
    text = re.sub(r"[uUlLfF]+\b", "", text)
    text = re.sub(r"\b0+(\d)", r"\1", text)
    try:
        return eval(text, {"__builtins__": {}})  # digits, * and << alone
    except (SyntaxError, OverflowError, MemoryError, TypeError):
        return None


def numbers_of(value):
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers_of(each)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def code_of(path):
    """Lines without comments and strings."""
    text = path.read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        yield number, re.sub(r"//.*", "", line)


def main(root):
    facts = set()
    for path in (root / "codegen/targets/machines").glob("*.json"):
        facts.update(numbers_of(json.loads(path.read_text())))
    facts = {fact for fact in facts if fact >= SMALLEST and fact not in COMMON}
    assert 232448 in facts and 132 in facts and 1830000000 in facts
    needed = set()
    found = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix not in SUFFIXES or any(
                name.startswith(reader) for reader in READERS
            ):
                continue
            for number, line in code_of(path):
                for match in EXPRESSION.finditer(line):
                    value = value_of(match.group())
                    if value not in facts:
                        continue
                    if (name, value) in EXCEPTIONS:
                        needed.add((name, value))
                        continue
                    print(f"{name}:{number}: {match.group()} is a machine's")
                    found += 1
    for name, value in sorted(set(EXCEPTIONS) - needed):
        print(f"{name}: {value} is not there; drop the exception")
        found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
