"""What a GPU program takes, without a GPU: resources and counted work.

    evidence.py --einfall PROGRAM --ptx PROGRAM [--target sm_80] [--out FOLDER]

For bf16 attention (dense and causal, one head dimension a row): what the
assembler reports of the version with aligned copies, and what the emulated device
counts on 256 rows and keys. Conflicts of shared memory are modelled (32 banks of
4 bytes); everything else is exact. Nothing here is a time.
"""

import argparse
import datetime
import os
import re
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SOURCE = """default b = 1, h = 1, p = 256, m = 256, e = 64, f = 64
kernel attention(Q[b,h,p,e]: bf16, K[b,h,m,e]: bf16, V[b,h,m,f]: bf16,
                 scale: f32 = 1/sqrt(|e|)) -> O[b,h,p,f]: bf16
{{
  S[b,h,p,m] = scale * Q[b,h,p,e] * K[b,h,m,e]{mask}
  O[b,h,p,f] = softmax[m](S[b,h,p,m]) * V[b,h,m,f]
}}
"""
MASKS = {"dense": "", "causal": "   where m <= p + |m| - |p|"}


def run(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def row(options, folder, name, width):
    source = os.path.join(folder, f"{name}.ein")
    with open(source, "w", encoding="utf-8") as file:
        file.write(SOURCE.format(mask=MASKS[name]))
    extents = [f"-De={width}", f"-Df={width}"]
    program = os.path.join(folder, f"{name}{width}.mlir")
    run(options.einfall, "compile", source, "--no-proofs", "--target",
        options.target, *extents, "--emit=device", "-o", program)
    with open(program, encoding="utf-8") as file:
        shared = re.search(r"_aligned target \S+ threads (\d+) shared (\d+)",
                           file.read())
    report = run(options.ptx, program, "--target", options.target, "--assemble")
    found = re.search(r"_aligned: (\d+) registers, (\d+) bytes spill stores, "
                      r"(\d+) bytes spill loads, (\d+) bytes stack", report)
    tool = re.search(r"assembler (\S+)", report).group(1)
    warnings = report.count("warning")
    plan = run(options.einfall, "explain", source, "--no-proofs", "--target",
               options.target, *extents)
    tile = [re.search(rf"{word}: (\d+)", plan).group(1)
            for word in ("rows", "keys")]
    counted = run(options.einfall, "run", source, "--no-proofs", "--random",
                  "--verify", "--counters", "--device",
                  f"emulated:{options.target}", *extents)
    counters, before = {}, ""
    for key, value in re.findall(r"^ *(\S.*?)  (\d+)$", counted, re.M):
        if key.startswith("of them conflicts"):
            key = f"conflicts of {before.split()[0]}"
        counters[key] = int(value)
        before = key
    pairs = 256 * 256 if name == "dense" else 256 * 257 // 2
    required = 4 * width * pairs
    counters = {
        "required / issued flop":
            round(required / counters["matrix operations [flop]"], 3),
        "emulated instructions beside mma, a score": round(
            (counters["warp instructions"] - counters["mma"]) * 32 / pairs, 1),
        "copied sectors": counters["asynchronous copies [32-byte sectors]"],
        "stored sectors": counters["global stores [32-byte sectors]"],
        **{key: value for key, value in counters.items()
           if key.startswith("conflicts")}}
    return tool, [name, str(width), f"{tile[0]} x {tile[1]}", shared.group(1),
                  shared.group(2), *found.groups(), str(warnings)], counters


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("--ptx", required=True)
    parser.add_argument("--target", default="sm_80")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench", "results"))
    options = parser.parse_args()
    rows, tool = [], ""
    with tempfile.TemporaryDirectory() as folder:
        for name in MASKS:
            for width in (32, 40, 64, 80, 96, 128, 192, 256):
                tool, cells, counters = row(options, folder, name, width)
                rows.append((cells, counters))
                print(cells, counters)
    version = run(options.einfall, "--version").split("\n")[0]
    today = datetime.date.today().isoformat()
    path = os.path.join(options.out, f"{today}-evidence-{options.target}.md")
    keys = list(rows[0][1])
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f"# {today}, {options.target}: what the programs take and do\n\n"
            "`bench/evidence.py`: bf16 attention, 256 rows and keys, one head; the\n"
            "version with aligned copies. Resources as the assembler reports them,\n"
            "work as the emulated device counts it (conflicts are modelled; its\n"
            "instructions include moves out of branches that registers save). No\n"
            f"time was measured.\n\nVersions: {version}, assembler {tool}.\n\n")
        head = ["mask", "E = F", "tile", "threads", "shared bytes", "registers",
                "spill stores", "spill loads", "stack", "warnings", *keys]
        file.write("| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n")
        for cells, counters in rows:
            file.write("| " + " | ".join(
                cells + [str(counters.get(key, "")) for key in keys]) + " |\n")
    print(path)


if __name__ == "__main__":
    main()
