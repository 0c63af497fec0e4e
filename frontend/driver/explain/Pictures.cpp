//===- Pictures.cpp - The drawings of the page ----------------------------===//

#include "frontend/driver/explain/Page.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace einfall;
using namespace einfall::driver;
using llvm::formatv;
using Kind = BlockEvent::Kind;

std::string einfall::driver::escapeHtml(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += c;
    }
  }
  return result;
}

std::string einfall::driver::bytesText(double bytes) {
  static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB", "PB"};
  unsigned unit = 0;
  while (bytes >= 1000 && unit < 5) {
    bytes /= 1000;
    ++unit;
  }
  if (unit == 0)
    return formatv("{0:f0} bytes", bytes).str();
  const char *format = bytes < 10 ? "{0:f2} {1}" : "{0:f1} {1}";
  return formatv(format, bytes, units[unit]).str();
}

static std::string svg(double width, double height, llvm::StringRef title,
                       llvm::StringRef body) {
  return formatv("<svg viewBox=\"0 0 {0:f0} {1:f0}\" role=\"img\" "
                 "aria-label=\"{2}\">\n<title>{2}</title>\n{3}</svg>\n",
                 width, height, escapeHtml(title), body)
      .str();
}

static std::string label(double x, double y, llvm::StringRef text,
                         llvm::StringRef kind = "", double turn = 0) {
  std::string place =
      turn ? formatv(" transform=\"rotate({0:f0} {1:f1} {2:f1})\"", turn, x, y)
                 .str()
           : "";
  return formatv(
             "<text x=\"{0:f1}\" y=\"{1:f1}\" class=\"{2}\"{3}>{4}</text>\n", x,
             y, kind, place, escapeHtml(text))
      .str();
}

static std::string rectangle(double x, double y, double width, double height,
                             llvm::StringRef kind, llvm::StringRef title) {
  return formatv("<rect x=\"{0:f1}\" y=\"{1:f1}\" width=\"{2:f1}\" "
                 "height=\"{3:f1}\" class=\"{4}\"><title>{5}</title></rect>\n",
                 x, y, std::max(width, 0.5), height, kind, escapeHtml(title))
      .str();
}

//===----------------------------------------------------------------------===//
// Traffic: bound, schedule, count
//===----------------------------------------------------------------------===//

std::string
einfall::driver::trafficPicture(const std::vector<PageBoundary> &boundaries) {
  double most = 1;
  for (const PageBoundary &boundary : boundaries)
    most = std::max({most, boundary.lower, boundary.schedule.value_or(0),
                     boundary.counted.value_or(0)});
  std::string body;
  double y = 10;
  const double left = 150, width = 470;
  for (const PageBoundary &boundary : boundaries) {
    body += label(0, y + 14, boundary.name, "strong");
    auto bar = [&](llvm::StringRef what, double bytes, llvm::StringRef kind) {
      std::string text = (what + ": " + bytesText(bytes)).str();
      body += rectangle(left, y, width * bytes / most, 16, kind, text);
      body += label(left + width * bytes / most + 6, y + 13, text, "small");
      y += 21;
    };
    bar("no schedule moves less", boundary.lower, "bound");
    if (boundary.schedule)
      bar("this one, " + boundary.scheduleKind, *boundary.schedule, "schedule");
    if (boundary.counted)
      bar("counted", *boundary.counted, "counted");
    y += 12;
  }
  return svg(880, y, "Bytes over every boundary", body);
}

/// 10^decade as a number.
static std::string decadeText(int decade) {
  return decade < 0 ? "0." + std::string(-decade - 1, '0') + "1"
                    : "1" + std::string(decade, '0');
}

//===----------------------------------------------------------------------===//
// Roofline
//===----------------------------------------------------------------------===//

std::string einfall::driver::rooflinePicture(const PageContent &content) {
  if (content.peaks.empty() || content.boundaries.empty() || content.flop <= 0)
    return "";
  const double left = 95, right = 860, top = 20, bottom = 330;
  double peak = content.peaks.front().flopPerSecond;
  // Intensities in FLOP per byte, on two logarithmic axes.
  double least = 1e30, greatest = 1;
  auto intensity = [&](double bytes) {
    return bytes > 0 ? content.flop / bytes : 0;
  };
  for (const PageBoundary &boundary : content.boundaries) {
    double knee = peak / std::max(1.0, boundary.bytesPerSecond);
    for (double value : {knee, intensity(boundary.lower),
                         intensity(boundary.schedule.value_or(boundary.lower))})
      if (value > 0)
        least = std::min(least, value), greatest = std::max(greatest, value);
  }
  double lowX = std::floor(std::log10(least) - 0.3),
         highX = std::ceil(std::log10(greatest) + 0.3);
  double highY = std::log10(peak) + 0.3, lowY = highY - 4;
  auto x = [&](double value) {
    return left + (right - left) * (std::log10(value) - lowX) / (highX - lowX);
  };
  auto y = [&](double value) {
    return bottom -
           (bottom - top) * (std::log10(value) - lowY) / (highY - lowY);
  };
  std::string body;
  for (double decade = lowX; decade <= highX; ++decade) {
    double at = x(std::pow(10, decade));
    body += formatv("<line x1=\"{0:f1}\" x2=\"{0:f1}\" y1=\"{1}\" y2=\"{2}\" "
                    "class=\"grid\"/>\n",
                    at, top, bottom);
    body += label(at, bottom + 16, decadeText(int(decade)), "small middle");
  }
  body += label((left + right) / 2, bottom + 34, "FLOP for each byte moved",
                "small middle");
  for (int decade = int(std::ceil(lowY)); decade <= highY; ++decade)
    body +=
        label(left - 8, y(std::pow(10, decade)) + 4,
              decade >= 12 ? decadeText(decade - 12) + " TFLOP/s"
                           : decadeText(std::max(0, decade - 9)) + " GFLOP/s",
              "small end");
  for (const PageContent::Peak &roof : content.peaks) {
    if (std::log10(roof.flopPerSecond) <= lowY)
      continue;
    body += formatv("<line x1=\"{0:f1}\" x2=\"{1:f1}\" y1=\"{2:f1}\" "
                    "y2=\"{2:f1}\" class=\"roof\"/>\n",
                    left, right, y(roof.flopPerSecond));
    body += label(
        right - 4, y(roof.flopPerSecond) - 5,
        formatv("{0}: {1:f0} TFLOP/s", roof.name, roof.flopPerSecond / 1e12)
            .str(),
        "small end");
  }
  for (auto [i, boundary] : llvm::enumerate(content.boundaries)) {
    double bandwidth = boundary.bytesPerSecond;
    if (bandwidth <= 0)
      continue;
    double from = std::max(std::pow(10, lowX), std::pow(10, lowY) / bandwidth);
    double to = std::min(peak / bandwidth, std::pow(10, highX));
    if (from < to)
      body += formatv("<line x1=\"{0:f1}\" y1=\"{1:f1}\" x2=\"{2:f1}\" "
                      "y2=\"{3:f1}\" class=\"slope s{4}\"/>\n",
                      x(from), y(from * bandwidth), x(to), y(to * bandwidth),
                      i % 3);
    body += label(left + 8, bottom - 10 - 18 * double(i),
                  boundary.name + ", " + bytesText(bandwidth) + "/s",
                  "small k" + std::to_string(i % 3));
    auto point = [&](double bytes, llvm::StringRef kind, llvm::StringRef what) {
      double at = intensity(bytes);
      if (at <= 0)
        return;
      double rate = std::min(peak, at * bandwidth);
      body +=
          formatv("<circle cx=\"{0:f1}\" cy=\"{1:f1}\" r=\"5\" "
                  "class=\"{2} s{3}\"><title>{4}: {5:f1} FLOP for each "
                  "byte over {6}, at most {7:f1} TFLOP/s</title></circle>\n",
                  x(at), y(rate), kind, i % 3, what, at,
                  escapeHtml(boundary.name), rate / 1e12);
    };
    point(boundary.lower, "hollow", "any schedule");
    if (boundary.schedule)
      point(*boundary.schedule, "full", "this schedule");
  }
  return svg(880, 370,
             "Roofline: hollow points are the bounds, full ones the "
             "schedule",
             body);
}

//===----------------------------------------------------------------------===//
// The pipeline of one tile
//===----------------------------------------------------------------------===//

static const char *classOf(Kind kind) {
  switch (kind) {
  case Kind::Copy:
  case Kind::Store:
    return "copy";
  case Kind::Matrix:
    return "matrix";
  case Kind::Special:
    return "special";
  case Kind::Shared:
    return "shared";
  default:
    return "arithmetic";
  }
}

std::string einfall::driver::timelinePicture(const Timeline &timeline) {
  if (timeline.isStuck || timeline.spans.empty())
    return "";
  // The last turns of the loop show the steady state.
  int64_t last = -1;
  for (const TimelineSpan &span : timeline.spans)
    if (span.kind == Kind::Matrix)
      last = std::max(last, span.tile);
  double begin = 1e300, end = 0;
  for (const TimelineSpan &span : timeline.spans)
    if (span.tile >= 0 && span.tile >= last - 1 && span.kind == Kind::Matrix)
      begin = std::min(begin, span.begin), end = std::max(end, span.end);
  if (begin >= end)
    return "";
  const double left = 110, width = 750, row = 64;
  double scale = width / (end - begin);
  std::string body;
  for (auto [i, name] : llvm::enumerate(timeline.groups))
    body += label(0, 40 + row * double(i), name, "strong");
  for (const TimelineSpan &span : timeline.spans) {
    if (span.end <= begin || span.begin >= end)
      continue;
    double from = std::max(span.begin, begin), to = std::min(span.end, end);
    // Copies and products run beside what the warps themselves do.
    bool isBeside = span.kind == Kind::Copy || span.kind == Kind::Matrix;
    double y = 14 + row * span.group + (isBeside ? 0 : 24);
    std::string shade = span.tile % 2 ? " odd" : "";
    body +=
        rectangle(left + (from - begin) * scale, y, (to - from) * scale, 20,
                  classOf(span.kind) + shade,
                  formatv("{0}, tile {1}: {2:f0} clocks", classOf(span.kind),
                          span.tile, span.end - span.begin)
                      .str());
  }
  double y = 20 + row * double(timeline.groups.size());
  body += label(left, y + 12,
                formatv("{0:f0} clocks; each row: copies and products above, "
                        "what warps do themselves below",
                        end - begin)
                    .str(),
                "small");
  return svg(880, y + 24, "Two turns of the loop over tiles, modelled", body);
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

std::string einfall::driver::barrierPicture(const KernelReport &report) {
  std::string body;
  double y = 8;
  auto chain = [&](llvm::StringRef title, const std::vector<ChainLink> &links) {
    body += label(0, y + 24, title, "strong");
    double x = 150;
    for (auto [i, link] : llvm::enumerate(links)) {
      std::string text =
          link.name.empty() ? link.what : link.name + " = " + link.what;
      double width = std::max(120.0, 7.2 * double(text.size()) + 20);
      body += rectangle(x, y + 4, width, 32, "link",
                        text + (link.place.empty() ? "" : ", " + link.place));
      body += label(x + width / 2, y + 24, text, "small middle");
      if (i + 1 < links.size())
        body += label(x + width + 14, y + 25, "\xE2\x86\x92", "middle");
      x += width + 28;
    }
    y += 46;
    return x;
  };
  double width = 860;
  for (const RankReport &rank : report.passes) {
    if (rank.written <= 1)
      continue;
    width = std::max(
        width, chain(formatv("{0}: {1} passes", rank.rank, rank.written).str(),
                     rank.chain));
    std::string derived = formatv("{0} derived", rank.derived).str();
    if (rank.derivedChain.empty() || rank.derived == 1) {
      body += label(0, y + 20, "", "strong");
      body += label(150, y + 20, derived + ": one traversal", "small");
      y += 34;
    } else {
      width = std::max(width, chain(derived, rank.derivedChain));
    }
  }
  return y > 10 ? svg(width, y, "Barriers between passes", body) : "";
}
