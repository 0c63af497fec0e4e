#!/usr/bin/env python3
"""Builds the wheel of the Python module: the module, libeinfall_rt and
libeinfall_compiler.

    build_wheel.py --libraries build/lib --out DIR

A wheel is a zip file with a list of its contents, so nothing but Python is
needed. LLVM, MLIR and oneTBB are not in it: they are the system's, and without
LLVM the module still loads and launches packages (.efk).
"""

import argparse
import base64
import hashlib
import pathlib
import platform
import re
import sys
import zipfile

here = pathlib.Path(__file__).resolve().parent


def version() -> str:
    text = (here.parent.parent / "CMakeLists.txt").read_text()
    found = re.search(r"project\(Einfall\s+VERSION\s+([0-9.]+)", text, re.I)
    if not found:
        sys.exit("CMakeLists.txt names no version")
    return found.group(1)


def metadata(number: str) -> str:
    return (
        "Metadata-Version: 2.1\n"
        "Name: einfall\n"
        f"Version: {number}\n"
        "Summary: Compiles attention written as mathematics into fast kernels\n"
        "Requires-Python: >=3.9\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libraries", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    number = version()
    tag = f"py3-none-linux_{platform.machine()}"
    info = f"einfall-{number}.dist-info"
    files: dict[str, bytes] = {}
    for source in sorted((here / "einfall").iterdir()):
        if source.suffix == ".py" or source.name == "py.typed":
            files[f"einfall/{source.name}"] = source.read_bytes()
    for name in ("libeinfall_rt.so.0", "libeinfall_compiler.so.0"):
        library = options.libraries / name
        if not library.exists():
            sys.exit(f"{library} is not there: build einfall_rt and einfall_compiler_shared")
        files[f"einfall/lib/{name}"] = library.read_bytes()
    files[f"{info}/METADATA"] = metadata(number).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: einfall\nRoot-Is-Purelib: false\nTag: {tag}\n"
    ).encode()
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
        record += f"{name},sha256={digest.rstrip('=')},{len(content)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"einfall-{number}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    print(path)


if __name__ == "__main__":
    main()
