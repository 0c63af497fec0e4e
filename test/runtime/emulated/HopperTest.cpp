//===- HopperTest.cpp - Barriers, bulk copies and wgmma of sm_90a ---------===//

#include "DeviceProgram.h"
#include "gtest/gtest.h"

#include <random>

using namespace einfall;
using namespace einfall::test;

namespace {

/// One block of 128 threads. x is a matrix of n rows of 64 bf16, y what is
/// written; %map and %out describe boxes of 64 columns and `rows` rows of them.
std::string kernel(const std::string &body, int rows, int swizzle,
                   int threads = 128) {
  std::string box = "box [64, " + std::to_string(rows) + "] swizzle " +
                    std::to_string(swizzle);
  return "device.kernel @test target \"sm_90a\" threads " +
         std::to_string(threads) +
         R"( shared 65536 parameters ["x", "y", "n", "a"] grid {
^bb0(%x: i64, %y: i64, %n: i64, %a: f32):
  %one = arith.constant 1 : i64
  %c64 = arith.constant 64 : i64
  %c128 = arith.constant 128 : i64
  %map = device.nv.encode_map bf16 %x extents %c64, %n strides %c128 )" +
         box + R"(
  %out = device.nv.encode_map bf16 %y extents %c64, %n strides %c128 )" +
         box + R"(
  device.launch %one, %one, %one maps %map, %out
} body {
^bb0(%x: i64, %y: i64, %n: i64, %a: f32, %map: !device.tensor_map, %out: !device.tensor_map):
  %t = device.thread
  %tw = arith.extui %t : i32 to i64
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %zerow = arith.constant 0 : i64
  %four = arith.constant 4 : i32
  %c16 = arith.constant 16 : i32
  %c1024 = arith.constant 1024 : i32
  %bar = arith.constant 0 : i32
  %tile = arith.constant 1024 : i32
  %bytes = arith.constant )" +
         std::to_string(rows * 128) + R"( : i32
  %first = arith.cmpi eq, %t, %zero : i32
)" + body +
         "\n  device.return\n}\n";
}

const std::string makeBarrier = R"(
  scf.if %first {
    device.nv.mbarrier_init %bar, 1
    device.nv.fence mbarrier_init
  }
  device.barrier 0
)";
const std::string load = R"(
  scf.if %first {
    device.nv.mbarrier_expect %bar, %bytes
    device.nv.bulk_load %map[%zero, %row] to %tile barrier %bar
  }
)";
const std::string waitFull = "  device.nv.mbarrier_wait %bar parity %zero\n";
const std::string row0 = "%row = arith.constant 0 : i32\n";
/// Thread t writes word t of the tile to word t of y.
const std::string copyOut = R"(
  %fourw = arith.constant 4 : i64
  %o = arith.muli %t, %four : i32
  %ow = arith.muli %tw, %fourw : i64
  %v = device.load shared %tile[%o : i32] : i32 -> i32
  device.store global %v, %y[%ow : i64] : i64, i32
)";

emulated::Report runKernel(const std::string &text, TestLaunch &launch,
                           uint64_t seed, int64_t rows = 8) {
  launch.n = rows;
  launch.seed = seed;
  launch.limit = 1 << 20;
  if (launch.x.empty())
    for (uint32_t i = 0; i < 128 * 32; ++i)
      launch.x.push_back(i + 1);
  launch.y.assign(128 * 64, 0);
  return launch.run(buildImage(text));
}

void expectRuns(const std::string &text, int64_t rows = 8) {
  std::vector<uint32_t> first;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    TestLaunch launch;
    auto report = runKernel(text, launch, seed, rows);
    EXPECT_TRUE(report.ok) << report.str();
    if (first.empty())
      first = launch.y;
    EXPECT_EQ(first, launch.y);
  }
}

void expectReport(const std::string &text, const std::string &message,
                  int64_t rows = 8) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    TestLaunch launch;
    auto report = runKernel(text, launch, seed, rows);
    EXPECT_FALSE(report.ok) << "not reported: " << message;
    EXPECT_NE(report.str().find(message), std::string::npos) << report.str();
  }
}

} // namespace

//===----------------------------------------------------------------------===//
// Bulk loads and barriers
//===----------------------------------------------------------------------===//

TEST(Hopper, BulkLoadsAreAwaited) {
  auto text = [](const std::string &body) { return kernel(body, 8, 0); };
  expectRuns(text(makeBarrier + row0 + load + waitFull + copyOut));
  expectReport(text(makeBarrier + row0 + load + copyOut), "shared memory at");
  // A wait for the other parity returns at once, or never.
  expectReport(text(makeBarrier + row0 + load +
                    "device.nv.mbarrier_wait %bar parity %one" + copyOut),
               "test.mlir");
  // One thread waits, and says so at a barrier of the block.
  expectRuns(text(makeBarrier + row0 + load + "scf.if %first {\n" + waitFull +
                  "}\ndevice.barrier 0" + copyOut));
  expectReport(text(makeBarrier + row0 + load + "scf.if %first {\n" + waitFull +
                    "}" + copyOut),
               "shared memory at");
}

TEST(Hopper, BarriersAreMadeAndFenced) {
  auto text = [](const std::string &body) { return kernel(body, 8, 0); };
  expectReport(text(row0 + load + waitFull + copyOut),
               "there is no barrier at 0 of shared memory");
  std::string noFence = makeBarrier;
  noFence.replace(noFence.find("device.nv.fence mbarrier_init"), 29, "");
  expectReport(text(noFence + row0 + load + waitFull + copyOut),
               "which was made with no fence after it");
  std::string noBarrier = makeBarrier;
  noBarrier.replace(noBarrier.find("device.barrier 0"), 16, "");
  expectReport(text(noBarrier + row0 + load + waitFull + copyOut),
               "barrier at 0");
  expectReport(text(makeBarrier +
                    "%v = device.load shared %zero[%zero : i32] : i32 -> i32"),
               "which holds a barrier");
}

TEST(Hopper, PhasesCountArrivalsAndBytes) {
  auto text = [](const std::string &body) { return kernel(body, 8, 0); };
  std::string small = load;
  small.replace(small.find("%bytes"), 6, "%c1024b");
  // Too few bytes announced, too many, and no arrival.
  expectReport(text(makeBarrier + row0 +
                    "%c1024b = arith.constant 2048 : i32\n" + small + waitFull),
               "deadlock: waits for phase 0 of the barrier at 0, which lacks 0 "
               "arrivals and 1024 bytes");
  std::string silent = load;
  silent.replace(silent.find("device.nv.mbarrier_expect %bar, %bytes"), 38, "");
  expectReport(text(makeBarrier + row0 + silent + waitFull),
               "which lacks 1 arrivals and -1024 bytes");
  expectReport(text(makeBarrier + R"(
  scf.if %first {
    device.nv.mbarrier_expect %bar, %bytes
    device.nv.mbarrier_arrive %bar
  })"),
               "where all 1 arrivals of the phase were made");
}

TEST(Hopper, BulkLoadsFillWithZerosAndSwizzle) {
  for (int swizzle : {0, 128}) {
    TestLaunch launch;
    auto report =
        runKernel(kernel(makeBarrier + "%row = arith.constant -2 : i32\n" +
                             load + waitFull +
                             R"(
  %fourw = arith.constant 4 : i64
  %c128 = arith.constant 128 : i32
  %lowp = arith.constant 0 : i32
  %highp = arith.constant 256 : i32
  scf.for %w = %t to %highp step %c128 : i32 {
    %o = arith.muli %w, %four : i32
    %ow32 = arith.extui %o : i32 to i64
    %v = device.load shared %tile[%o : i32] : i32 -> i32
    device.store global %v, %y[%ow32 : i64] : i64, i32
  })",
                         8, swizzle),
                  launch, 5, 5);
    ASSERT_TRUE(report.ok) << report.str();
    for (uint32_t row = 0; row < 8; ++row)
      for (uint32_t word = 0; word < 32; ++word) {
        // Rows -2, -1 and from 5 on are outside. With the 128-byte swizzle the
        // 16-byte chunk c of row r is at c xor r (PTX ISA, "Swizzling modes").
        uint32_t chunk = word / 4 ^ (swizzle ? row : 0);
        uint32_t found = launch.y[row * 32 + chunk * 4 + word % 4];
        bool inside = row >= 2 && row - 2 < 5;
        EXPECT_EQ(found, inside ? (row - 2) * 32 + word + 1 : 0);
      }
    EXPECT_EQ(report.counters.copyBytes, 5u * 128);
    EXPECT_EQ(report.counters.copySectors, 5u * 4);
  }
}

TEST(Hopper, RingsOfStages) {
  // Warp 0 loads, the others read, two stages of one row each, eight rows.
  auto ring = [](const std::string &release, const std::string &awaitEmpty) {
    return kernel(R"(
  %full = arith.constant 0 : i32
  %empty = arith.constant 16 : i32
  %c8 = arith.constant 8 : i32
  %two = arith.constant 2 : i32
  %c32 = arith.constant 32 : i32
  %rowBytes = arith.constant 128 : i32
  scf.if %first {
    device.nv.mbarrier_init %full, 1
    %full1 = arith.addi %full, %c8 : i32
    device.nv.mbarrier_init %full1, 1
    device.nv.mbarrier_init %empty, 96
    %empty1 = arith.addi %empty, %c8 : i32
    device.nv.mbarrier_init %empty1, 96
    device.nv.fence mbarrier_init
  }
  device.barrier 0
  %producer = arith.cmpi ult, %t, %c32 : i32
  scf.if %producer {
    scf.if %first {
      scf.for %i = %zero to %c8 step %one : i32 {
        %s = arith.remui %i, %two : i32
        %k = arith.divui %i, %two : i32
        %p = arith.xori %k, %one : i32
        %so = arith.muli %s, %c8 : i32
        %e = arith.addi %empty, %so : i32
        %f = arith.addi %full, %so : i32
        %st = arith.muli %s, %c1024 : i32
        %d = arith.addi %tile, %st : i32
        )" + awaitEmpty +
                      R"(
        device.nv.mbarrier_expect %f, %rowBytes
        device.nv.bulk_load %map[%zero, %i] to %d barrier %f
      }
    }
  } else {
    %u = arith.subi %t, %c32 : i32
    %in = arith.cmpi ult, %u, %c32 : i32
    %sum = scf.for %i = %zero to %c8 step %one iter_args(%a0 = %zero) -> (i32) : i32 {
      %s = arith.remui %i, %two : i32
      %k = arith.divui %i, %two : i32
      %so = arith.muli %s, %c8 : i32
      %e = arith.addi %empty, %so : i32
      %f = arith.addi %full, %so : i32
      %st = arith.muli %s, %c1024 : i32
      %d = arith.addi %tile, %st : i32
      device.nv.mbarrier_wait %f parity %k
      %lane = arith.remui %u, %c32 : i32
      %o = arith.muli %lane, %four : i32
      %v = device.load shared %d[%o : i32] : i32 -> i32
      %n1 = arith.addi %a0, %v : i32
      )" + release + R"(
      scf.yield %n1 : i32
    }
    %o2 = arith.muli %u, %four : i32
    %ow = arith.extui %o2 : i32 to i64
    device.store global %sum, %y[%ow : i64] : i64, i32
  })",
                  1, 128);
  };
  const char *release = "device.nv.mbarrier_arrive %e";
  const char *await = "device.nv.mbarrier_wait %e parity %p";
  expectRuns(ring(release, await));
  TestLaunch launch;
  auto report = runKernel(ring(release, await), launch, 3);
  ASSERT_TRUE(report.ok) << report.str();
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t sum = 0;
    for (uint32_t row = 0; row < 8; ++row)
      sum += row * 32 + lane + 1;
    EXPECT_EQ(launch.y[lane], sum);
  }
  // The producer does not wait for an empty stage; nobody says that it is.
  expectReport(ring(release, ""), "test.mlir");
  expectReport(ring("", await), "deadlock: waits for phase");
}

//===----------------------------------------------------------------------===//
// Bulk stores
//===----------------------------------------------------------------------===//

TEST(Hopper, BulkStoresNeedFencesAndWaits) {
  auto text = [](const std::string &fence, const std::string &meet,
                 const std::string &wait, const std::string &after = "") {
    return kernel(R"(
  %o16 = arith.muli %t, %c16 : i32
  %at = arith.addi %tile, %o16 : i32
  %f = vector.broadcast %a : f32 to vector<4xf32>
  %small = arith.constant 64 : i32
  %mine = arith.cmpi ult, %t, %small : i32
  scf.if %mine {
    device.store shared %f, %at[%zero : i32] : i32, vector<4xf32>
  }
  )" + fence + "\n" + meet +
                      R"(
  scf.if %first {
    device.nv.bulk_store %out[%zero, %zero] from %tile
    device.nv.bulk_commit
    )" + wait + "\n}\n" +
                      after,
                  8, 128);
  };
  const char *fence = "device.nv.fence async_shared",
             *meet = "device.barrier 0";
  const char *wait = "device.nv.bulk_wait 0 read";
  expectRuns(text(fence, meet, wait));
  expectReport(text("", meet, wait), "wrote with no fence after it");
  // Only the issuing thread fences.
  expectReport(
      text("scf.if %first {\ndevice.nv.fence async_shared\n}", meet, wait),
      "wrote with no fence after it");
  expectReport(text(fence, "", wait), "shared memory at");
  expectReport(text(fence, meet, ""),
               "while a bulk copy may still use its shared memory");
  std::string again = R"(
  scf.if %mine {
    device.store shared %f, %at[%zero : i32] : i32, vector<4xf32>
  })";
  expectReport(text(fence, meet, wait, again), "shared memory at");
  expectRuns(text(fence, meet, wait, "device.barrier 0" + again));
  TestLaunch launch;
  launch.a = 3;
  auto report = runKernel(text(fence, meet, wait), launch, 1, 5);
  ASSERT_TRUE(report.ok) << report.str();
  for (unsigned i = 0; i < 8 * 32; ++i)
    EXPECT_EQ(launch.y[i], i < 5 * 32 ? asWord(3) : 0);
}

//===----------------------------------------------------------------------===//
// Products of warpgroups
//===----------------------------------------------------------------------===//

namespace {

/// D (64 x 64) = A (64 x 64) B, A the first 64 rows of x, B the next 64 rows
/// (as columns x k, or k x columns when transposed), written to y as fragments.
std::string productKernel(
    bool transposeB, bool registersA, const std::string &afterIssue = "",
    const std::string &wait = "device.nv.wgmma_wait 0 of %d3 : vector<32xf32> "
                              "-> vector<32xf32>",
    const std::string &awaitLoad =
        "device.nv.mbarrier_wait %bar parity %zero") {
  std::string steps;
  for (int k = 0; k < 4; ++k) {
    std::string n = std::to_string(k);
    // Along k: 32 bytes in a row of A; of B 32 bytes in a row, or 16 rows.
    std::string a = "%da" + n, b = "%db" + n;
    steps += "%ka" + n + " = arith.constant " + std::to_string(2 * k) +
             " : i64\n" + a + " = arith.addi %da, %ka" + n + " : i64\n";
    steps += "%kb" + n + " = arith.constant " +
             std::to_string(transposeB ? 128 * k : 2 * k) + " : i64\n" + b +
             " = arith.addi %db, %kb" + n + " : i64\n";
    if (registersA) {
      steps += "%ra" + n + " = arith.constant " + std::to_string(32 * k) +
               " : i32\n%aa" + n + " = arith.addi %rowAddress, %ra" + n +
               " : i32\n%ax" + n + " = arith.xori %aa" + n + ", %swz : i32\n" +
               "%f" + n + " = device.nv.ldmatrix 4 %ax" + n +
               " : vector<4xi32>\n%g" + n + " = device.nv.wgmma_fence of %f" +
               n + " : vector<4xi32> -> vector<4xi32>\n";
      a = "%g" + n;
    } else if (k == 0) {
      steps += "device.nv.wgmma_fence\n";
    }
    steps +=
        "%d" + n + " = device.nv.wgmma bf16 64 " + a + ", " + b +
        (transposeB ? " transpose_b" : "") +
        (k ? " plus %d" + std::to_string(k - 1) + " : vector<32xf32>" : "") +
        (registersA ? " : vector<4xi32>" : " : i64") + " -> vector<32xf32>\n";
  }
  // Registers of A live until the wait.
  std::string all = wait;
  if (registersA) {
    all = "device.nv.wgmma_wait 0 of %d3, %g0, %g1, %g2, %g3 : vector<32xf32>";
    std::string types = "vector<32xf32>";
    for (int k = 0; k < 4; ++k) {
      all += ", vector<4xi32>";
      types += ", vector<4xi32>";
    }
    all += " -> " + types;
  }
  std::string result = registersA ? "%w#0" : "%w";
  std::string store;
  for (int i = 0; i < 32; i += 4) {
    std::string n = std::to_string(i);
    store += "%s" + n + " = arith.constant " + std::to_string(4 * i) +
             " : i64\n%p" + n + " = arith.addi %ow, %s" + n + " : i64\n";
    for (int j = 0; j < 4; ++j)
      store += "%e" + std::to_string(i + j) + " = vector.extract " + result +
               "[" + std::to_string(i + j) + "] : f32 from vector<32xf32>\n";
    store += "%v" + n + " = vector.from_elements %e" + n + ", %e" +
             std::to_string(i + 1) + ", %e" + std::to_string(i + 2) + ", %e" +
             std::to_string(i + 3) +
             " : vector<4xf32>\ndevice.store global %v" + n + ", %y[%p" + n +
             " : i64] : i64, vector<4xf32>\n";
  }
  return kernel(makeBarrier + R"(
  %row = arith.constant 0 : i32
  %c64r = arith.constant 64 : i32
  %tileB = arith.constant 9216 : i32
  %both = arith.constant 16384 : i32
  scf.if %first {
    device.nv.mbarrier_expect %bar, %both
    device.nv.bulk_load %map[%zero, %row] to %tile barrier %bar
    device.nv.bulk_load %map[%zero, %c64r] to %tileB barrier %bar
  }
  )" + awaitLoad + R"(
  // For ldmatrix: row 16 w + lane mod 16, chunk lane / 16 (exclusive-ored).
  %c32 = arith.constant 32 : i32
  %c128 = arith.constant 128 : i32
  %c7 = arith.constant 7 : i32
  %warp = arith.divui %t, %c32 : i32
  %lane = arith.remui %t, %c32 : i32
  %lrow = arith.remui %lane, %c16 : i32
  %half = arith.divui %lane, %c16 : i32
  %wrow = arith.muli %warp, %c16 : i32
  %arow = arith.addi %wrow, %lrow : i32
  %abyte = arith.muli %arow, %c128 : i32
  %hbyte = arith.muli %half, %c16 : i32
  %at0 = arith.addi %tile, %abyte : i32
  %rowAddress = arith.addi %at0, %hbyte : i32
  %r7 = arith.andi %arow, %c7 : i32
  %swz = arith.muli %r7, %c16 : i32
  %da = device.nv.descriptor %tile leading 16 stride 1024 swizzle 128
  %db = device.nv.descriptor %tileB leading )" +
                    std::string(transposeB ? "8192" : "16") +
                    R"( stride 1024 swizzle 128
)" + steps + "device.nv.wgmma_commit\n" +
                    afterIssue + (registersA ? "\n%w:5 = " : "\n%w = ") + all +
                    R"(
  %c128w = arith.constant 128 : i64
  %ow = arith.muli %tw, %c128w : i64
)" + store,
                64, 128);
}

/// Values that are exact in bf16 and whose products' sums are exact in f32.
std::vector<uint32_t> smallNumbers(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint32_t> words;
  for (unsigned i = 0; i < 128 * 32; ++i) {
    uint32_t word = 0;
    for (unsigned half = 0; half < 2; ++half)
      word |= asWord(float(int(random() % 17) - 8)) >> 16 << (16 * half);
    words.push_back(word);
  }
  return words;
}

} // namespace

TEST(Hopper, ProductsOfWarpgroups) {
  for (bool transposeB : {false, true})
    for (bool registersA : {false, true})
      for (uint64_t seed : {0, 1, 2, 3}) {
        TestLaunch launch;
        launch.x = smallNumbers(seed);
        auto report =
            runKernel(productKernel(transposeB, registersA), launch, seed, 128);
        ASSERT_TRUE(report.ok) << report.str();
        auto element = [&](unsigned row, unsigned column) {
          return asFloat(launch.x[row * 32 + column / 2] >> (column % 2 * 16)
                                                                << 16);
        };
        for (unsigned thread = 0; thread < 128; ++thread)
          for (unsigned i = 0; i < 32; ++i) {
            // PTX ISA, "wgmma .m64nNk16 D fragment".
            unsigned warp = thread / 32, lane = thread % 32;
            unsigned row = 16 * warp + lane / 4 + (i & 2 ? 8 : 0);
            unsigned column = 8 * (i / 4) + lane % 4 * 2 + i % 2;
            float expected = 0;
            for (unsigned k = 0; k < 64; ++k)
              expected +=
                  element(row, k) * (transposeB ? element(64 + k, column)
                                                : element(64 + column, k));
            ASSERT_EQ(asFloat(launch.y[thread * 32 + i]), expected)
                << thread << " " << i << " " << transposeB << registersA;
          }
        EXPECT_EQ(report.counters.matrixFlops, 2u * 64 * 64 * 64);
      }
}

TEST(Hopper, ProductsAreChecked) {
  auto waited = [](const char *pending) {
    return std::string("device.nv.wgmma_wait ") + pending +
           " of %d3 : vector<32xf32> -> vector<32xf32>";
  };
  expectRuns(productKernel(false, false), 128);
  expectReport(productKernel(false, false, "", waited("1")),
               "the block ends with matrix products in flight", 128);
  expectReport(productKernel(false, false, "", waited("0"), ""),
               "shared memory at", 128);
  // Written while products read it.
  std::string overwrite = R"(
  scf.if %first {
    device.store shared %a, %tile[%zero : i32] : i32, f32
  })";
  expectReport(productKernel(false, false, overwrite),
               "while it is read asynchronously", 128);
}

TEST(Hopper, WhatThreadsWriteIsFenced) {
  // Every thread writes a row of its own of 128 bytes; then as A and B.
  auto text = [](const std::string &fence) {
    std::string stores;
    for (int i = 0; i < 8; ++i) {
      std::string n = std::to_string(i);
      stores += "%o" + n + " = arith.constant " + std::to_string(16 * i) +
                " : i32\ndevice.store shared %f, %mine[%o" + n +
                " : i32] : i32, vector<4xf32>\n";
    }
    return kernel(R"(
  %c128 = arith.constant 128 : i32
  %row = arith.muli %t, %c128 : i32
  %mine = arith.addi %tile, %row : i32
  %f = vector.broadcast %a : f32 to vector<4xf32>
)" + stores + fence + R"(
  device.barrier 0
  %half = arith.constant 9216 : i32
  %da = device.nv.descriptor %tile leading 16 stride 1024 swizzle 128
  %db = device.nv.descriptor %half leading 16 stride 1024 swizzle 128
  device.nv.wgmma_fence
  %d = device.nv.wgmma bf16 64 %da, %db : i64 -> vector<32xf32>
  device.nv.wgmma_commit
  %w = device.nv.wgmma_wait 0 of %d : vector<32xf32> -> vector<32xf32>)",
                  64, 128);
  };
  expectRuns(text("device.nv.fence async_shared"));
  expectReport(text(""), "wrote with no fence after it");
}

TEST(Hopper, StMatrixIsTheInverseOfLdMatrix) {
  for (const char *transpose : {"", "transpose"}) {
    TestLaunch launch;
    auto report = runKernel(kernel(std::string(R"(
  %c512 = arith.constant 512 : i32
  %c32 = arith.constant 32 : i32
  %warp = arith.divui %t, %c32 : i32
  %wb = arith.muli %warp, %c512 : i32
  %lane = arith.remui %t, %c32 : i32
  %lb = arith.muli %lane, %c16 : i32
  %s = arith.addi %wb, %lb : i32
  %at = arith.addi %tile, %s : i32
  %c16w = arith.constant 16 : i64
  %ow = arith.muli %tw, %c16w : i64
  %v = device.load global %x[%ow : i64] : i64 -> vector<4xi32>
  device.nv.stmatrix 4 )") + transpose +
                                       R"( %at, %v : vector<4xi32>
  device.warp_barrier
  %r = device.nv.ldmatrix 4 )" + transpose +
                                       R"( %at : vector<4xi32>
  device.store global %r, %y[%ow : i64] : i64, vector<4xi32>)",
                                   8, 128),
                            launch, 1);
    ASSERT_TRUE(report.ok) << report.str();
    for (unsigned i = 0; i < 512; ++i)
      EXPECT_EQ(launch.y[i], launch.x[i]);
  }
}

TEST(Hopper, ProductsAreFenced) {
  std::string text = productKernel(false, false);
  size_t at = text.find("device.nv.wgmma_fence\n");
  text.replace(at, 22, "");
  expectReport(text, "is issued with no wgmma_fence", 128);
}

TEST(Hopper, ProductsMayLandLate) {
  // What is read before the wait is no number, or not yet the sum, in some run.
  std::string early = productKernel(
      false, false, "",
      "device.nv.wgmma_wait 1 of %d3 : vector<32xf32> -> vector<32xf32>");
  early.replace(early.find("device.return"), 0,
                "%end = device.nv.wgmma_wait 0 of %d3 : vector<32xf32> -> "
                "vector<32xf32>\n  ");
  unsigned wrong = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    TestLaunch launch, right;
    launch.x = right.x = smallNumbers(seed);
    auto found = runKernel(early, launch, seed, 128);
    auto expected = runKernel(productKernel(false, false), right, seed, 128);
    ASSERT_TRUE(found.ok && expected.ok) << found.str() << expected.str();
    wrong += launch.y != right.y;
  }
  EXPECT_GE(wrong, 6u);
}

TEST(Hopper, RegistersComeFromOthers) {
  // 512 threads start with 128 registers; 128 give some to 384.
  auto text = [](const std::string &give, const std::string &take) {
    return kernel(R"(
  %c128 = arith.constant 128 : i32
  %gives = arith.cmpi ult, %t, %c128 : i32
  scf.if %gives {
    )" + give + R"(
  } else {
    )" + take + R"(
  })",
                  8, 0, 512);
  };
  const char *give = "device.nv.set_max_registers decrease 64";
  expectRuns(text(give, "device.nv.set_max_registers increase 144"));
  expectReport(text(give, "device.nv.set_max_registers increase 152"),
               "waits for registers, of which");
  expectReport(text("", "device.nv.set_max_registers increase 144"),
               "deadlock: waits for registers");
  expectReport(text("device.nv.set_max_registers decrease 160",
                    "device.nv.set_max_registers increase 144"),
               "has 128 registers a thread, which is no decrease to 160");
}

TEST(Hopper, FencesDoNotOrderLanes) {
  auto text = [](const std::string &meet) {
    return kernel(R"(
  %c512 = arith.constant 512 : i32
  %o16 = arith.muli %t, %c16 : i32
  %at = arith.addi %tile, %o16 : i32
  %f = vector.broadcast %a : f32 to vector<4xf32>
  device.store shared %f, %at[%zero : i32] : i32, vector<4xf32>
  device.store shared %f, %at[%c512 : i32] : i32, vector<4xf32>
  device.nv.fence async_shared
  )" + meet + R"(
  scf.if %first {
    device.nv.bulk_store %out[%zero, %zero] from %tile
    device.nv.bulk_commit
    device.nv.bulk_wait 0 read
  })",
                  8, 128, 32);
  };
  expectRuns(text("device.warp_barrier"));
  expectReport(text(""), "shared memory at");
}
