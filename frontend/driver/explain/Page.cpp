//===- Page.cpp - einfall explain --html ----------------------------------===//

#include "frontend/driver/explain/Page.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace einfall;
using namespace einfall::driver;
using llvm::formatv;

static const char style[] = R"(
:root { color-scheme: light dark; --ink: #1b2330; --paper: #ffffff;
  --soft: #f3f5f8; --line: #c9d1dc; --bound: #6b7a90; --schedule: #2f6fde;
  --counted: #1d9a6c; --copy: #2f6fde; --matrix: #d9622b; --special: #8a4fd0;
  --arithmetic: #1d9a6c; --shared: #b08a1e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf2; --paper: #12161d;
  --soft: #1b212b; --line: #3a4454; --bound: #8d9bb0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 1100px; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; }
pre, code { font: 13px/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto;
  border-radius: 6px; margin: 0; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
@media (max-width: 800px) { .sides { grid-template-columns: 1fr; } }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .25rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } text { fill: var(--ink); font-size: 13px; }
text.small { font-size: 11.5px; } text.strong { font-weight: 600; }
text.middle { text-anchor: middle; } text.end { text-anchor: end; }
.grid { stroke: var(--line); } .roof { stroke: var(--matrix); stroke-width: 2; }
.slope { stroke-width: 2; } .slope.s0 { stroke: var(--schedule); }
.slope.s1 { stroke: var(--special); } .slope.s2 { stroke: var(--counted); }
.k0 { fill: var(--schedule); } .k1 { fill: var(--special); }
.k2 { fill: var(--counted); }
.hollow { fill: var(--paper); stroke-width: 2; stroke: var(--ink); }
.full.s0 { fill: var(--schedule); } .full.s1 { fill: var(--special); }
.full.s2 { fill: var(--counted); }
.bound { fill: var(--bound); } .schedule { fill: var(--schedule); }
.counted { fill: var(--counted); } .copy { fill: var(--copy); }
.matrix { fill: var(--matrix); } .special { fill: var(--special); }
.arithmetic { fill: var(--arithmetic); } .shared { fill: var(--shared); }
.odd { opacity: .62; } .link { fill: var(--soft); stroke: var(--line); }
.key span { display: inline-block; margin-right: 1.2rem; }
.key i { display: inline-block; width: .8em; height: .8em;
  margin-right: .4em; border-radius: 2px; }
)";

/// A fold as a table: what enters each component of its state, and what becomes
/// of it under new references.
static void writeEquations(llvm::raw_ostream &os,
                           const std::vector<Equation> &equations) {
  os << "<pre>";
  for (const Equation &equation : equations) {
    os << escapeHtml(equation.text) << "\n";
    for (const std::string &definition : equation.definitions)
      os << "  " << escapeHtml(definition) << "\n";
    size_t width = 0;
    for (const StateEquation &row : equation.state)
      width = std::max(width, row.name.size());
    for (const StateEquation &row : equation.state) {
      os << "  <b>" << escapeHtml(row.name) << "</b>"
         << std::string(width - row.name.size() + 1, ' ') << row.monoid << "  "
         << escapeHtml(row.value) << "\n";
      if (!row.act.empty())
        os << std::string(width + 3, ' ')
           << "new reference: " << escapeHtml(row.act) << "\n";
    }
  }
  os << "</pre>";
}

static void writeProofs(llvm::raw_ostream &os, const KernelReport &report) {
  std::map<std::string, unsigned> verdicts;
  for (const ObligationReport &obligation : report.obligations)
    ++verdicts[obligation.verdict];
  os << "<p>";
  for (auto [i, verdict] : llvm::enumerate(verdicts))
    os << (i ? ", " : "") << verdict.second << " " << escapeHtml(verdict.first);
  os << " of " << report.obligations.size()
     << " obligations: statements that hold for all numbers, on which the "
        "rewriting rests.</p>\n";
  if (report.obligations.empty())
    return;
  os << "<details><summary>All obligations</summary><table><tr><th>obligation"
        "</th><th>rule</th><th>verdict</th><th>statement (SHA-256)</th></tr>\n";
  for (const ObligationReport &obligation : report.obligations)
    os << "<tr><td>" << escapeHtml(obligation.name) << "</td><td>"
       << escapeHtml(obligation.rule) << "</td><td>"
       << escapeHtml(obligation.verdict) << "</td><td><code>"
       << escapeHtml(llvm::StringRef(obligation.hash).substr(0, 12))
       << "</code></td></tr>\n";
  os << "</table></details>\n";
}

static void writeTraffic(llvm::raw_ostream &os, const PageContent &content) {
  bool isCounted =
      llvm::any_of(content.boundaries, [](const PageBoundary &boundary) {
        return boundary.counted;
      });
  os << trafficPicture(content.boundaries)
     << "<table><tr><th>boundary</th><th>lower bound</th><th>by</th>"
        "<th>this schedule</th><th>ratio</th>"
     << (isCounted ? "<th>counted by the emulated device</th>" : "")
     << "</tr>\n";
  for (const PageBoundary &boundary : content.boundaries) {
    os << "<tr><td>" << escapeHtml(boundary.name) << "</td><td class=number>"
       << bytesText(boundary.lower) << "</td><td>"
       << escapeHtml(boundary.lowerKind) << "</td><td class=number>";
    if (boundary.schedule)
      os << bytesText(*boundary.schedule) << " ("
         << escapeHtml(boundary.scheduleKind) << ")";
    os << "</td><td class=number>";
    if (boundary.schedule && boundary.lower > 0)
      os << formatv("{0:f2}", *boundary.schedule / boundary.lower);
    if (isCounted)
      os << "</td><td class=number>"
         << (boundary.counted ? bytesText(*boundary.counted) : "");
    os << "</td></tr>\n";
  }
  os << "</table>\n";
}

static void writeTimeline(llvm::raw_ostream &os, const PageContent &content) {
  std::string picture = timelinePicture(content.timeline);
  if (picture.empty())
    return;
  const Timeline &timeline = content.timeline;
  os << "<h2>The pipeline of a tile</h2>\n"
     << "<p class=key><span><i class=copy style=\"background:var(--copy)\"></i>"
        "copies</span><span><i style=\"background:var(--matrix)\"></i>products"
        "</span><span><i style=\"background:var(--special)\"></i>exponentials"
        "</span><span><i style=\"background:var(--arithmetic)\"></i>other "
        "arithmetic</span><span><i "
        "style=\"background:var(--shared)\"></i>shared "
        "memory</span></p>\n"
     << picture;
  if (timeline.clocksPerTile > 0)
    os << formatv(
        "<p>Modelled at peak rates, without latencies: {0:f0} clocks a tile, "
        "in "
        "which copies take {1:f0}, products {2:f0}, exponentials {3:f0} and "
        "other arithmetic {4:f0}. The program's own waits and barriers decide "
        "what overlaps.</p>\n",
        timeline.clocksPerTile, timeline.copyClocks, timeline.matrixClocks,
        timeline.specialClocks, timeline.arithmeticClocks);
}

static void writeKernel(llvm::raw_ostream &os, const PageContent &content) {
  const KernelReport &report = content.report;
  os << "<h1>" << escapeHtml(report.kernel) << "</h1>\n<p>"
     << escapeHtml(content.target) << ", " << escapeHtml(content.machine)
     << "; " << escapeHtml(content.extents) << "</p>\n";
  os << "<h2>The cascade and its fold</h2>\n<div class=sides><div><h3>as "
        "written</h3><pre>"
     << escapeHtml(content.source) << "</pre></div><div><h3>derived</h3>";
  writeEquations(os, content.derived);
  os << "</div></div>\n<h2>Passes</h2>\n<ul>";
  for (const RankReport &rank : report.passes)
    os << "<li>rank " << escapeHtml(rank.rank) << ": " << rank.written
       << " as written, " << rank.derived << " derived</li>";
  os << "</ul>\n" << barrierPicture(report);
  os << "<h2>Proofs</h2>\n";
  writeProofs(os, report);
  if (!content.boundaries.empty()) {
    os << "<h2>Traffic</h2>\n";
    writeTraffic(os, content);
    if (std::string picture = rooflinePicture(content); !picture.empty())
      os << "<h2>Roofline</h2>\n"
         << picture
         << "<p>Peaks of the machine's description. Hollow points: what the "
            "bounds allow; full ones: what this schedule moves.</p>\n";
  }
  writeTimeline(os, content);
  os << "<h2>Plan: " << escapeHtml(report.planKind) << "</h2>\n<table>";
  for (const auto &[key, value] : report.plan)
    os << "<tr><th>" << escapeHtml(key) << "</th><td>" << escapeHtml(value)
       << "</td></tr>\n";
  os << "</table>\n";
}

std::string einfall::driver::htmlPage(const std::vector<PageContent> &kernels) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta "
        "charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<title>";
  for (auto [i, kernel] : llvm::enumerate(kernels))
    os << (i ? ", " : "") << escapeHtml(kernel.report.kernel);
  os << " explained</title>\n<style>" << style << "</style>\n</head>\n<body>\n";
  for (const PageContent &kernel : kernels)
    writeKernel(os, kernel);
  os << "</body>\n</html>\n";
  return text;
}
