"""Times our kernels beside PyTorch's attention on the CPU.

    bench.py --einfall PROGRAM [--quick] [--threads N] [--out FOLDER]
             [--note TEXT]

Both sides take turns in one run, so that a slow moment of the machine hits both:
a round is a probe of the machine, a launch of ours, the probe again, and one of
theirs. The probe is what bounds the kernel: multiply-adds in registers, or reads
of memory where fewer than ten operations are done a byte. A share of a peak is
the median over rounds of our rate over that of the probes around it, a ratio that
of their time over ours, both with the 10th and 90th percentile. The other peak is
measured three times in the same run. A result is a Markdown table in
bench/results/, with versions, date and processor.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Ours:
    """A running `einfall bench --serve`."""

    def __init__(self, program, example, extents, threads):
        command = [program, "bench", os.path.join(
            ROOT, "examples", example, example + ".ein"), "--random", "--serve",
            "--threads", str(threads)]
        for rank, extent in extents.items():
            command += ["-D", f"{rank}={extent}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        self.operations, self.bytes = float(words[0]), float(words[1])
        self.compile_seconds, self.plan = float(words[2]), words[3]

    def ask(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def launch(self):
        return self.ask()[0]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def torch_attention(extents, dtype, causal, grouped):
    """A closure that runs scaled_dot_product_attention and returns seconds."""
    b, h, p, m = (extents[rank] for rank in "bhpm")
    g = extents["g"] if grouped else h
    q = torch.randn(b, h, p, extents["e"], dtype=dtype)
    k = torch.randn(b, g, m, extents["e"], dtype=dtype)
    v = torch.randn(b, g, m, extents["f"], dtype=dtype)

    def run():
        begin = time.perf_counter()
        F.scaled_dot_product_attention(q, k, v, is_causal=causal,
                                       enable_gqa=grouped and g != h)
        return time.perf_counter() - begin
    return run


def percentile(values, share):
    values = sorted(values)
    return values[round(share * (len(values) - 1))]


def share_of(shares):
    """"86% (80% to 90%)"; no spread of a few."""
    text = f"{statistics.median(shares):.0%}"
    if len(shares) > 3:
        text += f" ({percentile(shares, 0.1):.0%} to {percentile(shares, 0.9):.0%})"
    return text


def compare(options, name, example, dtype, causal, extents):
    ours = Ours(options.einfall, example, extents, options.threads)
    theirs = torch_attention(extents, dtype, causal, "g" in extents)
    with torch.inference_mode():
        theirs()
        alone = ours.launch()
        one = 1.5 * alone + theirs()
        rounds = max(5, min(200, int((1 if options.quick else 6) / one)))
        # The probe of a round lies on both sides of our launch.
        work = {"fma": ours.operations, "reads": ours.bytes}
        bound = "fma" if ours.operations > 10 * ours.bytes else "reads"
        length = min(max(alone / 4, 0.002), 0.1)
        clock, per_cycle = ours.ask("clock")
        mine, other = [], []
        rates, shares = {"fma": [], "reads": []}, {"fma": [], "reads": []}
        for i in range(rounds):
            probes = ["fma", "reads"] if 3 * i % rounds < 3 else [bound]
            for probe in probes:
                before = ours.ask(f"{probe} {length}")[0]
                mine.append(ours.launch())
                after = ours.ask(f"{probe} {length}")[0]
                rates[probe] += [before, after]
                shares[probe].append(work[probe] / mine[-1] / ((before + after) / 2))
                other.append(theirs())
        clock = max(clock, ours.ask("clock")[0])
    ours.close()
    ratios = [b / a for a, b in zip(mine, other)]
    seconds = statistics.median(mine)
    row = {
        "kernel": name,
        "extents": ", ".join(f"{r}={n}" for r, n in extents.items()),
        "plan": ours.plan,
        "ms": seconds * 1e3,
        "gflops": ours.operations / seconds / 1e9,
        "bound": bound,
        "fma_share": share_of(shares["fma"]),
        "gbytes": ours.bytes / seconds / 1e9,
        "read_share": share_of(shares["reads"]),
        "torch_ms": statistics.median(other) * 1e3,
        "ratio": statistics.median(ratios),
        "ratio_low": percentile(ratios, 0.1),
        "ratio_high": percentile(ratios, 0.9),
        "rounds": rounds,
        "compile": ours.compile_seconds,
        "fma_peak": statistics.median(rates["fma"]) / 1e9,
        "clock": clock / 1e9,
        "sheet": clock * per_cycle / 1e9,
        "read_peak": statistics.median(rates["reads"]) / 1e9,
    }
    print(json.dumps(row), file=sys.stderr)
    return row


def cases(quick):
    sizes = (2048,) if quick else (2048, 8192)
    for size in sizes:
        for width in (64, 128):
            extents = {"b": 1, "h": 8, "p": size, "m": size, "e": width,
                       "f": width}
            yield "dense f32", "plain", torch.float32, False, extents
            yield "causal f32", "causal", torch.float32, True, extents
    extents = {"b": 1, "h": 8, "g": 8, "p": 2048, "m": 2048, "e": 128, "f": 128}
    yield "causal bf16", "attention", torch.bfloat16, True, extents
    yield "decode f32", "grouped", torch.float32, False, {
        "b": 1, "h": 8, "g": 8, "p": 1, "m": 32768, "e": 128, "f": 128}
    yield "decode f32, 4 queries a key head", "grouped", torch.float32, False, {
        "b": 1, "h": 32, "g": 8, "p": 1, "m": 32768, "e": 128, "f": 128}


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def write(options, rows):
    version = subprocess.run([options.einfall, "--version"], text=True,
                             capture_output=True, check=True).stdout
    today = datetime.date.today().isoformat()
    cpu = processor()
    slug = "".join(c if c.isalnum() else "-" for c in cpu.lower())
    while "--" in slug:
        slug = slug.replace("--", "-")
    name = os.path.join(options.out, f"{today}-{slug.strip('-')}.md")
    lines = [
        f"# {today}, {cpu}, {options.threads} threads", "",
        "`./dev bench`: rounds in which one launch of ours and one of PyTorch's",
        "`scaled_dot_product_attention` take turns; medians (10 % to 90 %). A share",
        "compares with what the machine gives just before and after the launch:",
        "multiply-adds in registers on all threads, sweeps over 512 MiB of memory.",
        "The share without a spread is that of three rounds.", "",
        "Versions: " + ", ".join(version.strip().split("\n")) +
        f", PyTorch {torch.__version__}, Python {platform.python_version()}.", "",
        "| kernel | extents | plan | ms | GFLOP/s | of FMA peak | GB/s | of read peak "
        "| PyTorch ms | PyTorch / ours (10 % to 90 %) | compile s |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        lines.append(
            f"| {row['kernel']} | {row['extents']} | {row['plan']} "
            f"| {row['ms']:.2f} | {row['gflops']:.1f} | {row['fma_share']} "
            f"| {row['gbytes']:.2f} | {row['read_share']} "
            f"| {row['torch_ms']:.2f} | {row['ratio']:.2f} "
            f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) "
            f"| {row['compile']:.2f} |")
    if options.note:
        lines[2:2] = [options.note, ""]
    reached = [row["fma_peak"] / row["sheet"] for row in rows]
    reads = [row["read_peak"] for row in rows if row["bound"] == "reads"]
    lines += ["", "Multiply-adds reached "
              f"{min(row['fma_peak'] for row in rows):.0f} to "
              f"{max(row['fma_peak'] for row in rows):.0f} GFLOP/s (medians of the "
              f"rows), {min(reached):.0%} to {max(reached):.0%} of two a core and "
              "cycle at the clock that a chain of dependent multiply-adds shows "
              f"({max(row['clock'] for row in rows):.2f} GHz); reads "
              f"{min(reads):.1f} to {max(reads):.1f} GB/s."]
    os.makedirs(options.out, exist_ok=True)
    with open(name + ".tmp", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(name + ".tmp", name)
    print(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--einfall", required=True)
    parser.add_argument("--quick", action="store_true",
                        help="fewer sizes and rounds")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", default=os.path.join(ROOT, "bench", "results"))
    parser.add_argument("--note", help="a sentence that the result carries")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    write(options, [compare(options, *case) for case in cases(options.quick)])


if __name__ == "__main__":
    main()
