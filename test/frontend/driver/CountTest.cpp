//===- CountTest.cpp - Counts beside what is claimed ----------------------===//

#include "frontend/driver/explain/Explanation.h"

#include <gtest/gtest.h>

using namespace einfall;
using namespace einfall::driver;

/// One whose innermost boundary moves 320 bytes of 640 that are asked for.
static certificate::Certificate claiming(const char *how) {
  certificate::Certificate certificate;
  certificate::Boundary outer, inner;
  outer.name = "HBM to L2";
  inner.name = "L2 to SM";
  inner.schedule.emplace();
  inner.schedule->counted = how;
  inner.schedule->total = 320;
  inner.schedule->asked = 640;
  certificate.boundaries = {outer, inner};
  return certificate;
}

TEST(Count, OfADevice) {
  certificate::Certificate exact = claiming("exact");
  EXPECT_EQ(contradiction(exact, 320, /*onCpu=*/false), "");
  EXPECT_EQ(contradiction(exact, 288, /*onCpu=*/false),
            "the emulated device counts 288 bytes at the boundary L2 to SM, "
            "the schedule's form 320 (exact)");
  certificate::Certificate bound = claiming("at most");
  EXPECT_EQ(contradiction(bound, 288, /*onCpu=*/false), "");
  EXPECT_EQ(contradiction(bound, 352, /*onCpu=*/false),
            "the emulated device counts 352 bytes at the boundary L2 to SM, "
            "the schedule's form 320 (at most)");
}

TEST(Count, OfTheProcessor) {
  certificate::Certificate exact = claiming("modelled");
  EXPECT_EQ(contradiction(exact, 640, /*onCpu=*/true), "");
  EXPECT_EQ(contradiction(exact, 320, /*onCpu=*/true),
            "the kernel asks its tensors for 320 bytes, the schedule's form "
            "640 (exact)");
  certificate::Certificate bound = claiming("modelled, at most");
  EXPECT_EQ(contradiction(bound, 320, /*onCpu=*/true), "");
  EXPECT_EQ(contradiction(bound, 641, /*onCpu=*/true),
            "the kernel asks its tensors for 641 bytes, the schedule's form "
            "640 (at most)");
}

TEST(Count, WhereNothingIsClaimed) {
  certificate::Certificate certificate = claiming("exact");
  certificate.boundaries.back().schedule.reset();
  EXPECT_EQ(contradiction(certificate, 288, /*onCpu=*/false), "");
  certificate.boundaries.clear();
  EXPECT_EQ(contradiction(certificate, 288, /*onCpu=*/false), "");
}
