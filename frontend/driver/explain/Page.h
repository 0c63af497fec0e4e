//===- Page.h - einfall explain --html --------------------------*- C++ -*-===//
//
// One self-contained page of HTML: no script, no font, no picture from
// elsewhere. Pictures are SVG that scales; everything in them is in the text of
// the page too, so that it can be read aloud and copied.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_EXPLAIN_PAGE_H
#define EINFALL_FRONTEND_DRIVER_EXPLAIN_PAGE_H

#include "frontend/driver/Report.h"
#include "passes/Derive/Equations.h"
#include "passes/Schedule/Timeline.h"

#include <optional>
#include <string>
#include <vector>

namespace einfall::driver {

/// Traffic over one boundary, in bytes.
struct PageBoundary {
  std::string name;
  double bytesPerSecond = 0;
  double lower = 0;
  std::string lowerKind; ///< "compulsory", "attention, regime a"
  std::optional<double> schedule;
  std::string scheduleKind;      ///< "exact", "modelled"
  std::optional<double> counted; ///< by the emulated device
};

struct PageContent {
  KernelReport report;
  std::string target, machine, extents;
  std::string source; ///< text of the file
  std::vector<Equation> derived;
  std::vector<PageBoundary> boundaries; ///< outermost first
  double flop = 0;                      ///< that the cascade asks for
  struct Peak {
    std::string name;
    double flopPerSecond;
  };
  std::vector<Peak> peaks; ///< greatest first
  Timeline timeline;
  double clockHz = 1;
};

std::string htmlPage(const std::vector<PageContent> &kernels);

// Of Pictures.cpp, for tests.
std::string escapeHtml(llvm::StringRef text);
std::string rooflinePicture(const PageContent &content);
std::string timelinePicture(const Timeline &timeline);
std::string trafficPicture(const std::vector<PageBoundary> &boundaries);
std::string barrierPicture(const KernelReport &report);
/// "12.3 MB", "4.19 GB".
std::string bytesText(double bytes);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_EXPLAIN_PAGE_H
