"""What GPU programs take and do, without a GPU: resources and counted work.

    evidence.py --einfall PROGRAM --ptx PROGRAM [--nvdisasm PROGRAM]
                [--target sm_80 ...] [--width 64 ...] [--mask dense ...]
                [--elements bf16 ...] [--check] [--out FOLDER]

For attention, dense and causal, at every head dimension: what the assembler
reports of the version that aligned arguments take, what the emulated device counts
when it runs it, and both beside what the schedule alone says:

* sectors of 32 bytes that copies bring and that stores ask for, in closed form:
  Q once, K and V once for every block of rows, O once (`sectors` below);
* floating-point operations of matrix units, from the tiles that are walked;
* instructions beside matrix units, a score, with what FlashAttention-3's recipe
  implies (`recipe` below).

Rows and keys are multiples of the tile, so that nothing but the mask and the
depth of wgmma, 16, is wasted. With --check, nothing is written
and the exit code is 1 where a program spills, uses local memory, is warned of, has
conflicts in what matrix units read, or counts anything but the closed forms.

Nothing here is a time. Conflicts of shared memory are modelled (32 banks of 4
bytes, eight lanes of 16 bytes at a time); the other numbers are exact.
"""

import argparse
import collections
import concurrent.futures
import datetime
import math
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

TARGETS = ("sm_80", "sm_90a")
WIDTHS = tuple(range(32, 257, 8))
# Beside bf16 at all widths.
OTHER_WIDTHS = {"f16": (64, 128), "f32": (64, 128)}
SOURCE = """default b = 1, h = 1, p = 4096, m = 4096, e = 64, f = 64
kernel attention(Q[b,h,p,e]: {type}, K[b,h,m,e]: {type}, V[b,h,m,f]: {type},
                 scale: f32 = 1/sqrt(|e|)) -> O[b,h,p,f]: {type}
{{
  S[b,h,p,m] = scale * Q[b,h,p,e] * K[b,h,m,e]{mask}
  O[b,h,p,f] = softmax[m](S[b,h,p,m]) * V[b,h,m,f]
}}
"""
MASKS = {"dense": "", "causal": "   where m <= p + |m| - |p|"}
SIZE = {"bf16": 2, "f16": 2, "f32": 4}


def run(*command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def recipe(width, keys):
    """Instructions for a score outside matrix units, as FlashAttention-3 has them
    (Shah et al. 2024, algorithm 1 and section 3.2; FlashAttention-2, section 3.1):
    a comparison for the row's maximum, one multiply-add that scales and subtracts
    it, one power of two, one addition for the row's sum, half a conversion to a
    pair of 16-bit numbers; and for each tile a multiplication of every accumulator
    of the row, `width` of them for `keys` scores."""
    return 4.5 + width / keys


class Shape:
    """The plan of a program, and the launch that is counted."""

    def __init__(self, plan, mask, width, elements):
        number = lambda word: int(re.search(rf"{word}: (\d+)", plan)[1])
        self.kind = re.search(r"plan: (\w+)", plan)[1]
        self.rows, self.keys = number("rows"), number("keys")
        self.stages, self.threads = number("stages"), number("threads")
        self.shared = number("shared bytes")
        self.mask, self.width, self.size = mask, width, SIZE[elements]
        if mask == "dense":
            self.p, self.m = 2 * self.rows, 4 * self.keys
        else:
            self.p = self.m = math.lcm(self.rows, self.keys)
            if self.p < 2 * max(self.rows, self.keys):
                self.p = self.m = 2 * self.p

    def seen(self):
        """Keys that some row of each block keeps."""
        for first in range(0, self.p, self.rows):
            yield (min(self.m, first + self.rows + self.m - self.p)
                   if self.mask == "causal" else self.m)

    def tiles(self):
        """Keys of the tiles that each block of rows walks."""
        for seen in self.seen():
            yield -(-seen // self.keys) * self.keys

    def depth(self):
        """The head dimension as Q K^T contracts it."""
        unit = 16 if self.kind == "warpgroups" else 8
        return -(-self.width // unit) * unit

    def flops(self):
        """Two contractions, of which P V has columns by eights as they are; none
        where elements are no 16 bits."""
        if self.size != 2:
            return 0
        return sum(2 * self.rows * keys * (self.depth() + self.width)
                   for keys in self.tiles())

    def required(self):
        pairs = self.p * self.m
        if self.mask == "causal":
            pairs = sum(row + 1 + self.m - self.p for row in range(self.p))
        return 4 * pairs * self.width

    def pairs(self):
        return self.required() // (4 * self.width)

    def panel(self, rows, kept=None):
        """Sectors for the first `kept` of `rows` rows of an operand, or all. They lie
        side by side, and 32 threads that copy 16 bytes each ask together."""
        kept = rows if kept is None else kept
        if self.kind != "warpgroups" or self.width * self.size % 32 == 0:
            return -(-kept * self.width * self.size // 32)
        # Rows of boxes are asked for one by one, 128 bytes at a time.
        split = 0
        for row in range(kept):
            for first in range(0, self.width * self.size, 128):
                last = min(first + 128, self.width * self.size)
                begin = row * self.width * self.size + first
                end = row * self.width * self.size + last
                split += (end - 1) // 32 - begin // 32 + 1
        return split

    def sectors(self):
        """Q once, K and V once for each block of rows, tile by tile; of the last tile
        boxes bring all, threads what some row keeps."""
        total = 0
        for keys in self.tiles() if self.kind == "warpgroups" else self.seen():
            whole, rest = divmod(keys, self.keys)
            total += self.panel(self.rows)
            total += 2 * (whole * self.panel(self.keys) + self.panel(self.keys, rest))
        return total

    def stores(self):
        """O once: boxes row by row; else a warp stores of eight rows up to 64
        bytes of 16-bit numbers each, or 32 bytes of f32."""
        if self.kind == "warpgroups":
            return self.panel(self.p)
        asked, most = 0, 64 if self.size == 2 else 32
        for first in range(0, self.p, 8):
            for begin in range(0, self.width * self.size, most):
                end = min(begin + most, self.width * self.size)
                asked += len({(row * self.width * self.size + byte) // 32
                              for row in range(first, first + 8)
                              for byte in range(begin, end, 8)})
        return asked

    def least_stores(self):
        return self.p * self.width * self.size / 32


def split_programs(text):
    """The module's device programs, by name."""
    parts = re.split(r"(?m)^(?=  device\.kernel )", text)
    programs = {}
    for part in parts[1:]:
        name = re.match(r"  device\.kernel @(\S+)", part)[1]
        body = part.rstrip()
        if body.endswith("\n}"):
            body = body[:-2]
        programs[name] = "module {\n" + body + "\n}\n"
    return programs


def disassembled(options, cubin, threads, shape):
    """Matrix instructions of the machine code, and instructions beside them in
    the loop over tiles, for a score: every branch counted once, as if all were
    taken."""
    if not options.nvdisasm:
        return {}
    text = run(options.nvdisasm, "-c", cubin)
    flat, labels = [], {}
    for line in text.split("\n"):
        label = re.match(r"\s*(\.L_x_\d+):", line)
        if label:
            labels[label[1]] = len(flat)
        code = re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_.]+)(.*)",
                        line)
        if code:
            flat.append((code[1], code[2]))
    matrix = sum(op.startswith(("HMMA", "HGMMA")) for op, _ in flat)
    best = None
    for at, (op, rest) in enumerate(flat):
        target = re.search(r"(\.L_x_\d+)", rest) if op.startswith("BRA") else None
        if not target or labels.get(target[1], at + 1) > at:
            continue
        body = flat[labels[target[1]]:at + 1]
        count = sum(o.startswith(("HMMA", "HGMMA")) for o, _ in body)
        if count and (best is None or count > best[0]):
            best = (count, len(body) - count)
    names = {op.split(".")[0] for op, _ in flat} & {"HMMA", "HGMMA"}
    found = {"SASS": f"{matrix} {'/'.join(sorted(names))}"}
    if best:
        workers = threads - (128 if shape.kind == "warpgroups" else 0)
        scores = shape.rows * shape.keys / workers
        found["SASS beside them in the loop, a score"] = round(best[1] / scores, 1)
    return found


def measure(options, folder, target, mask, width, elements):
    name = f"{target}-{mask}-{elements}-{width}"
    source = os.path.join(folder, f"{name}.ein")
    with open(source, "w", encoding="utf-8") as file:
        file.write(SOURCE.format(type=elements, mask=MASKS[mask]))
    # Each block for itself: decision 7 counts what they share.
    extents = [f"-De={width}", f"-Df={width}", "--splits", "1"]
    plan = run(options.einfall, "explain", source, "--no-proofs", "--target", target,
               *extents)
    shape = Shape(plan[plan.index("plan: "):], mask, width, elements)
    text = run(options.einfall, "compile", source, "--no-proofs", "--target", target,
               *extents, "--emit=device", "-o", "-")
    programs = split_programs(text)
    suffix = "_boxes" if shape.kind == "warpgroups" else "_aligned"
    program = next(key for key in programs
                   if key.endswith(suffix) and "_split" not in key)
    path, cubin = (os.path.join(folder, f"{name}.{end}") for end in ("mlir", "cubin"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(programs[program])
    report = run(options.ptx, path, "--target", target, "--assemble", "--cubin", cubin)
    found = re.search(rf"{program}: (\d+) registers, (\d+) bytes spill stores, "
                      r"(\d+) bytes spill loads, (\d+) bytes stack", report)
    registers, stores, loads, stack = map(int, found.groups())
    warnings = re.findall(r"C75\d\d", report) + re.findall(r"(?m)^warning", report)
    counted = run(options.einfall, "run", source, "--no-proofs", "--random",
                  "--counters", "--device", f"emulated:{target}", *extents,
                  f"-Dp={shape.p}", f"-Dm={shape.m}")
    counters, before = collections.OrderedDict(), ""
    for key, value in re.findall(r"^ *(\S.*?)  (\d+)$", counted, re.M):
        if key.startswith("of them conflicts"):
            key = f"conflicts of {before.split()[0]}"
        counters[key] = int(value)
        before = key
    flops = counters["matrix operations [flop]"]
    copied = counters["asynchronous copies [32-byte sectors]"]
    stored = counters["global stores [32-byte sectors]"]
    others = (counters["warp instructions"] - counters["mma"] - counters["wgmma"])
    arithmetic = (counters["f32"] + counters["special function"])
    wrong = []
    if max(stores, loads, stack) > 0:
        wrong.append(f"spills {stores}/{loads} bytes, stack {stack}")
    if warnings:
        wrong.append(f"warnings {' '.join(warnings)}")
    if counters["conflicts of ldmatrix"] or counters["conflicts of shared"]:
        wrong.append("conflicts in shared memory")
    if flops != shape.flops():
        wrong.append(f"{flops} flop, {shape.flops()} by the schedule")
    if elements != "f32" and copied != shape.sectors():
        wrong.append(f"{copied} sectors, {shape.sectors()} by the schedule")
    if stored != shape.stores():
        wrong.append(f"{stored} stored sectors, {shape.stores()} by the schedule")
    row = {
        "mask": mask, "E = F": width, "elements": elements,
        "program": program.split("_")[-1],
        "tile": f"{shape.rows} x {shape.keys}", "stages": shape.stages,
        "threads": shape.threads, "shared bytes": shape.shared,
        "registers": registers, "spills": stores + loads, "local": stack,
        "warnings": len(warnings),
        "required / issued flop":
            round(shape.required() / flops, 3) if flops else "",
        "of it padding":
            round(2 * width / (width + shape.depth()), 3) if flops else "",
        "f32 and special, a score": round(arithmetic * 32 / shape.pairs(), 2),
        "recipe": round(recipe(width, shape.keys), 2),
        "all beside matrix units, a score": round(others * 32 / shape.pairs(), 1),
        **disassembled(options, cubin, shape.threads, shape),
        "copied sectors": copied,
        "by the schedule": "equal" if copied == shape.sectors() else shape.sectors(),
        "stored / least": round(stored / shape.least_stores(), 2),
        "conflicts of ldmatrix": counters["conflicts of ldmatrix"],
        "of shared": counters["conflicts of shared"],
        "of copies": counters["conflicts of copy"],
    }
    tool = re.search(r"assembler (\S+)", report)[1]
    return tool, row, [f"{name}: {each}" for each in wrong]


def write(options, target, rows, tool, wrong):
    version = run(options.einfall, "--version").split("\n")[0]
    today = datetime.date.today().isoformat()
    path = os.path.join(options.out, f"{today}-evidence-{target}.md")
    keys = list(rows[0])
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f"# {today}, {target}: what the programs take and do\n\n"
            f"`bench/evidence.py --target {target}`: attention of one head, the version\n"
            "that aligned arguments take, rows and keys multiples of the tile.\n"
            "Resources as the assembler reports them, work as the emulated device counts\n"
            "it, closed forms and the recipe as in the script. Instructions are warp\n"
            "instructions times 32 for each score that the mask keeps; those of the\n"
            "emulated device include moves out of branches, which registers save, and\n"
            "those of SASS count both sides of every branch. Conflicts are modelled. No\n"
            f"time was measured.\n\nVersions: {version}, assembler {tool}.\n\n")
        file.write("| " + " | ".join(keys) + " |\n|" + "---|" * len(keys) + "\n")
        for row in rows:
            file.write("| " + " | ".join(str(row.get(key, "")) for key in keys)
                       + " |\n")
        if wrong:
            file.write("\nNot as wanted:\n\n")
            file.writelines(f"- {each}\n" for each in wrong)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("--ptx", required=True)
    parser.add_argument("--nvdisasm")
    parser.add_argument("--target", action="append", choices=TARGETS)
    parser.add_argument("--mask", action="append", choices=MASKS)
    parser.add_argument("--width", action="append", type=int)
    parser.add_argument("--elements", action="append", choices=SIZE)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench", "results"))
    options = parser.parse_args()
    failed = False
    for target in options.target or TARGETS:
        cases = [(mask, width, elements)
                 for elements in options.elements or SIZE
                 for width in options.width or OTHER_WIDTHS.get(elements, WIDTHS)
                 for mask in options.mask or MASKS]
        rows, wrong, tool = [], [], ""
        with tempfile.TemporaryDirectory() as folder, \
                concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for tool, row, faults in pool.map(
                    lambda case: measure(options, folder, target, *case), cases):
                rows.append(row)
                wrong += faults
                print(target, *row.values(), flush=True)
        for each in wrong:
            print("not as wanted:", each)
        failed |= bool(wrong)
        if not options.check:
            write(options, target, rows, tool, wrong)
    return 1 if failed and options.check else 0


sys.exit(main())
