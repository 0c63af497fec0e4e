//===- ChecksTest.cpp - Each check fires, and not on what is right --------===//
//
// Pairs of programs: one with a mistake, which must be reported with its place,
// and the same without it, which must run. All are run with several seeds.
//
//===----------------------------------------------------------------------===//

#include "DeviceProgram.h"
#include "gtest/gtest.h"

using namespace einfall;
using namespace einfall::test;

namespace {

struct Shape {
  int threads = 64, shared = 4096;
  int64_t n = 0;
  unsigned words = 64;
};

emulated::Report runSeed(const std::string &body, Shape shape, uint64_t seed,
                         std::vector<uint32_t> *y = nullptr) {
  TestLaunch launch;
  launch.n = shape.n;
  launch.seed = seed;
  launch.limit = 1 << 20;
  for (unsigned i = 0; i < shape.words; ++i)
    launch.x.push_back(i + 1);
  launch.y.assign(shape.words, 0xdeadbeef);
  auto image = buildImage(kernelText(body, shape.threads, shape.shared));
  auto report = launch.run(image);
  if (y)
    *y = launch.y;
  return report;
}

/// The program is reported for every seed, with this text.
void expectReport(const std::string &body, const std::string &text,
                  Shape shape = {}) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    auto report = runSeed(body, shape, seed);
    EXPECT_FALSE(report.ok) << "not reported: " << text;
    ASSERT_EQ(report.messages.size(), 1u);
    std::string found = report.messages[0].str();
    EXPECT_NE(found.find(text), std::string::npos) << found;
    EXPECT_NE(found.find("test.mlir:"), std::string::npos) << found;
    EXPECT_NE(found.find("kernel test, block (0, 0, 0)"), std::string::npos)
        << found;
  }
}

/// The program runs and gives the same bits for every seed.
void expectRuns(const std::string &body, Shape shape = {}) {
  std::vector<uint32_t> first, y;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    auto report = runSeed(body, shape, seed, seed ? &y : &first);
    EXPECT_TRUE(report.ok) << report.str();
    if (seed) {
      EXPECT_EQ(first, y);
    }
  }
}

const std::string offsets = R"(
  %four = arith.constant 4 : i32
  %fourw = arith.constant 4 : i64
  %ow = arith.muli %tw, %fourw : i64
  %o = arith.trunci %ow : i64 to i32
  %sixteen = arith.constant 16 : i32
  %sixteenw = arith.constant 16 : i64
  %o16 = arith.muli %t, %sixteen : i32
  %o16w = arith.muli %tw, %sixteenw : i64
  %c63 = arith.constant 63 : i32
  %mirror = arith.subi %c63, %t : i32
  %om = arith.muli %mirror, %four : i32
  %warp32 = arith.constant 32 : i32
  %first = arith.cmpi ult, %t, %warp32 : i32
)";

const std::string storeOwn = R"(
  device.store shared %t, %zero[%o : i32] : i32, i32
)";
const std::string loadMirror = R"(
  %v = device.load shared %zero[%om : i32] : i32 -> i32
  device.store global %v, %y[%ow : i64] : i64, i32
)";

} // namespace

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

TEST(Checks, GlobalBounds) {
  auto body = [](const char *bytes) {
    return offsets + "%shift = arith.constant " + bytes + R"( : i64
  %p = arith.addi %x, %shift : i64
  %v = device.load global %p[%ow : i64] : i64 -> i32
  device.store global %v, %y[%ow : i64] : i64, i32)";
  };
  expectReport(body("4"), "warp 1, lane 31: device.load: 4 bytes at");
  expectReport(body("4"), "`x` (256 bytes) ends 0 bytes before");
  expectReport(body("-4"), "`x` starts 4 bytes later");
  expectRuns(body("0"));
}

TEST(Checks, GlobalAlignment) {
  auto body = [](const char *bytes) {
    return offsets + "%shift = arith.constant " + bytes + R"( : i64
  %p = arith.addi %x, %shift : i64
  %v = device.load global %p[%zerow : i64] : i64 -> vector<2xf32>
  %e = vector.extract %v[0] : f32 from vector<2xf32>
  device.store global %e, %y[%ow : i64] : i64, f32)";
  };
  expectReport(body("4"), "are not aligned to 8");
  expectRuns(body("8"));
}

TEST(Checks, ReadOnlyBuffers) {
  expectReport(offsets + "device.store global %t, %x[%ow : i64] : i64, i32",
               "in buffer `x`, which the launch only reads");
  expectRuns(offsets + "device.store global %t, %y[%ow : i64] : i64, i32");
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

TEST(Checks, SharedBounds) {
  Shape small;
  small.shared = 252;
  expectReport(offsets + storeOwn,
               "4 bytes at 252 of shared memory lie outside its 252 bytes",
               small);
  small.shared = 256;
  expectRuns(offsets + storeOwn, small);
}

TEST(Checks, SharedAlignment) {
  auto body = [](const char *bytes) {
    return offsets + "%shift = arith.constant " + bytes + R"( : i32
  %e = arith.constant 1.0 : f32
  %v = vector.broadcast %e : f32 to vector<4xf32>
  device.store shared %v, %shift[%o16 : i32] : i32, vector<4xf32>)";
  };
  expectReport(body("8"), "of shared memory are not aligned to 16");
  expectRuns(body("32"));
}

TEST(Checks, UninitializedReads) {
  std::string body = offsets + R"(
  %v = device.load shared %zero[%o : i32] : i32 -> i32
  device.store global %v, %y[%ow : i64] : i64, i32)";
  expectReport(body, "which nothing wrote");
  expectRuns(offsets + storeOwn + body.substr(offsets.size()));
}

TEST(Checks, RacesBetweenWarps) {
  expectReport(offsets + storeOwn + loadMirror, "shared memory at");
  expectRuns(offsets + storeOwn + "device.barrier 0\n" + loadMirror);
  // Written again without a barrier after the reads.
  std::string again = offsets + storeOwn + "device.barrier 0\n" + loadMirror;
  expectReport(again + "device.store shared %v, %zero[%o : i32] : i32, i32",
               "with no barrier between");
  expectRuns(again + "device.barrier 0\n" +
             "device.store shared %v, %zero[%o : i32] : i32, i32");
}

TEST(Checks, RacesBetweenLanes) {
  Shape warp;
  warp.threads = 32;
  std::string swap = R"(
  %partner = arith.xori %t, %one : i32
  %op = arith.muli %partner, %four : i32
  %v = device.load shared %zero[%op : i32] : i32 -> i32
  device.store global %v, %y[%ow : i64] : i64, i32)";
  expectReport(offsets + storeOwn + swap, "with no warp_barrier between", warp);
  expectRuns(offsets + storeOwn + "device.warp_barrier" + swap, warp);
  // Two lanes of one store.
  expectReport(offsets +
                   "device.store shared %t, %zero[%zero : i32] : i32, i32",
               "with no warp_barrier between", warp);
  // A warp_barrier does not order warps.
  expectReport(offsets + storeOwn + "device.warp_barrier" + loadMirror,
               "shared memory at");
}

TEST(Checks, NarrowStoresOfNeighboursDoNotRace) {
  expectRuns(offsets + R"(
  %two = arith.constant 2 : i32
  %o2 = arith.muli %t, %two : i32
  %h = arith.trunci %t : i32 to i16
  device.store shared %h, %zero[%o2 : i32] : i32, i16
  device.barrier 0
  %back = arith.muli %mirror, %two : i32
  %v = device.load shared %zero[%back : i32] : i32 -> i16
  %w = arith.extui %v : i16 to i32
  device.store global %w, %y[%ow : i64] : i64, i32)");
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

namespace {

const std::string copy = R"(
  %src = arith.addi %x, %ow : i64
  device.copy_async 4 %o, %src valid %four
  device.copy_commit
)";
const std::string loadOwn = R"(
  %v = device.load shared %zero[%o : i32] : i32 -> i32
  device.store global %v, %y[%ow : i64] : i64, i32
)";

} // namespace

TEST(Checks, CopiesAreWaitedFor) {
  expectReport(offsets + copy + loadOwn, "while a copy to it is in flight");
  expectReport(offsets + copy + "device.barrier 0" + loadMirror,
               "while a copy to it is in flight");
  expectRuns(offsets + copy + "device.copy_wait 0" + loadOwn);
  // A group may stay in flight, and it is this one.
  expectReport(offsets + copy + "device.copy_wait 1" + loadOwn,
               "while a copy to it is in flight");
  expectRuns(offsets + copy + "device.copy_commit\ndevice.copy_wait 1" +
             loadOwn);
  // Without the commit it belongs to no group that is waited for.
  std::string open = copy.substr(0, copy.find("device.copy_commit"));
  expectReport(offsets + open + "device.copy_wait 0" + loadOwn,
               "while a copy to it is in flight");
}

TEST(Checks, CopiesReachOthersAfterABarrier) {
  expectReport(offsets + copy + "device.copy_wait 0" + loadMirror,
               "shared memory at");
  expectRuns(offsets + copy + "device.copy_wait 0\ndevice.barrier 0" +
             loadMirror);
}

TEST(Checks, CopiesDoNotOverwriteWhatIsRead) {
  std::string body = offsets + storeOwn + "device.barrier 0" + loadMirror;
  expectReport(body + copy + "device.copy_wait 0", "with no barrier between");
  expectRuns(body + "device.barrier 0" + copy + "device.copy_wait 0");
}

TEST(Checks, NothingIsWrittenOverACopy) {
  expectReport(offsets + copy + storeOwn + "device.copy_wait 0",
               "while a copy to it is in flight");
  expectReport(offsets + copy + "device.copy_async 4 %o, %src valid %four",
               "while a copy to it is in flight");
  // The source is in the buffer that is written.
  std::string fromY = offsets + R"(
  device.store global %t, %y[%ow : i64] : i64, i32
  %src = arith.addi %y, %ow : i64
  device.copy_async 4 %o, %src valid %four
  device.copy_commit
)";
  std::string over = "device.store global %c63, %y[%ow : i64] : i64, i32\n";
  expectReport(fromY + over + "device.copy_wait 0",
               "while a copy from it is in flight");
  expectRuns(fromY + "device.copy_wait 0\n" + over);
}

TEST(Checks, CopiesFillWithZeros) {
  Shape shape;
  std::vector<uint32_t> y;
  std::string body = offsets + R"(
  %eight = arith.constant 8 : i32
  %n32 = arith.trunci %n : i64 to i32
  %src = arith.addi %x, %ow : i64
  %none = arith.constant 48879 : i64
  %has = arith.cmpi ult, %t, %n32 : i32
  %valid = arith.select %has, %four, %zero : i32
  %from = arith.select %has, %src, %none : i64
  device.copy_async 4 %o, %from valid %valid
  device.copy_commit
  device.copy_wait 0)" +
                     loadOwn;
  shape.n = 40;
  auto report = runSeed(body, shape, 3, &y);
  ASSERT_TRUE(report.ok) << report.str();
  for (uint32_t i = 0; i < 64; ++i)
    EXPECT_EQ(y[i], i < 40 ? i + 1 : 0);
  expectReport(offsets + R"(
  %eight = arith.constant 8 : i32
  device.copy_async 4 %o, %x valid %eight)",
               "has 8 valid bytes of 4");
  expectReport(offsets + R"(
  %two = arith.constant 2 : i64
  %odd = arith.addi %x, %two : i64
  device.copy_async 4 %o, %odd valid %four)",
               "is not aligned to 4");
}

//===----------------------------------------------------------------------===//
// Barriers and divergence
//===----------------------------------------------------------------------===//

TEST(Checks, Deadlock) {
  expectReport(offsets + "scf.if %first {\n device.barrier 0\n}",
               "deadlock: waits at barrier 0, where 32 of 64 threads arrived");
  expectRuns(offsets + "scf.if %first {\n device.barrier 0 threads 32\n}");
  expectReport(offsets + R"(scf.if %first {
    device.barrier 1
    device.barrier 2
  } else {
    device.barrier 2
    device.barrier 1
  })",
               "deadlock");
}

TEST(Checks, BarrierCounts) {
  expectReport(offsets + R"(scf.if %first {
    device.barrier 1 threads 128
  } else {
    device.barrier 1 threads 96
  })",
               "at barrier 1, where others expect");
  expectReport(offsets + R"(scf.if %first {
    device.arrive 3 threads 64
  })",
               "the block ends with 32 of 64 threads arrived at barrier 3");
}

TEST(Checks, BarriersTellWhatSomeThreadSays) {
  // A thread of the second warp says so at one barrier, none at the other;
  // both order what each warp stores and the other reads.
  std::string body = offsets + R"(
  %c37 = arith.constant 37 : i32
  %c64 = arith.constant 64 : i32
  %wrong = arith.constant -1 : i32
  device.store shared %t, %zero[%o : i32] : i32, i32
  %mine = arith.cmpi eq, %t, %c37 : i32
  %never = arith.cmpi eq, %t, %c64 : i32
  %any = device.barrier_any %mine, 2 threads 64
  %none = device.barrier_any %never, 0
  %v = device.load shared %zero[%om : i32] : i32 -> i32
  %seen = arith.select %any, %v, %wrong : i32
  %told = arith.select %none, %wrong, %seen : i32
  device.store global %told, %y[%ow : i64] : i64, i32
)";
  expectRuns(body);
  std::vector<uint32_t> y;
  runSeed(body, {}, 3, &y);
  for (uint32_t thread = 0; thread < 64; ++thread)
    EXPECT_EQ(y[thread], 63 - thread);
}

TEST(Checks, NamedBarriersOrderThoseThatMeet) {
  // The first warp produces, the second consumes; and back.
  auto body = [](const char *produced, const char *consumed) {
    return offsets + R"(
  %c32 = arith.constant 32 : i32
  %lane = arith.remui %t, %c32 : i32
  %ol = arith.muli %lane, %four : i32
  %low = arith.constant 0 : i64
  %count = arith.constant 5 : i64
  %each = arith.constant 1 : i64
  scf.if %first {
    scf.for %i = %low to %count step %each : i64 {
      %i32 = arith.trunci %i : i64 to i32
      %v = arith.addi %t, %i32 : i32
      device.store shared %v, %zero[%ol : i32] : i32, i32
      )" + produced +
           R"(
      device.barrier 2 threads 64
    }
  } else {
    %sum = scf.for %i = %low to %count step %each iter_args(%s = %zero) -> (i32) : i64 {
      device.barrier 1 threads 64
      %v = device.load shared %zero[%ol : i32] : i32 -> i32
      %r = arith.addi %s, %v : i32
      )" + consumed +
           R"(
      scf.yield %r : i32
    }
    device.store global %sum, %y[%ow : i64] : i64, i32
  })";
  };
  expectRuns(body("device.arrive 1 threads 64", "device.arrive 2 threads 64"));
  // The reader says that it has read before it has.
  expectReport(body("device.arrive 1 threads 64", ""), "deadlock");
  expectReport(body("device.barrier 1 threads 64\ndevice.arrive 2 threads 64",
                    "device.barrier 2 threads 64"),
               "barrier 2");
}

TEST(Checks, Divergence) {
  std::string odd = offsets + R"(
  %bit = arith.andi %t, %one : i32
  %is = arith.cmpi eq, %bit, %zero : i32
)";
  for (std::string op :
       {"device.barrier 0", "device.warp_barrier", "%u = device.uniform %t",
        "%u = device.shuffle xor %t, %one : i32", "%u = device.vote any %is",
        "device.arrive 1 threads 64",
        "%u = device.nv.ldmatrix 1 %zero : vector<1xi32>"}) {
    expectReport(odd + "scf.if %is {\n" + op + "\n}",
                 "is reached by 16 of 32 lanes");
  }
  expectRuns(odd + "scf.if %is {\n}\ndevice.barrier 0");
  expectRuns(odd + "scf.if %first {\n device.warp_barrier\n}");
}

TEST(Checks, MatrixOperandsInSharedMemory) {
  std::string store = R"(
  %e = arith.constant 1.0 : f32
  %four1 = vector.broadcast %e : f32 to vector<4xf32>
  device.store shared %four1, %zero[%o16 : i32] : i32, vector<4xf32>
)";
  std::string load = R"(
  %m = device.nv.ldmatrix 4 %o16 : vector<4xi32>
  %v = vector.extract %m[0] : i32 from vector<4xi32>
  device.store global %v, %y[%ow : i64] : i64, i32
)";
  Shape warp;
  warp.threads = 32;
  expectReport(offsets + load, "which nothing wrote", warp);
  // Rows reach other lanes than those that wrote them.
  expectReport(offsets + store + load, "with no warp_barrier between", warp);
  expectRuns(offsets + store + "device.warp_barrier" + load, warp);
  expectReport(offsets + store + R"(
  device.warp_barrier
  %eight = arith.constant 8 : i32
  %odd = arith.addi %o16, %eight : i32
  %m = device.nv.ldmatrix 4 %odd : vector<4xi32>)",
               "are not aligned to 16", warp);
}

TEST(Checks, DivisionByZero) {
  Shape shape;
  std::string divide = offsets + R"(
  %d = arith.trunci %n : i64 to i32
  %q = arith.divsi %t, %d : i32
  device.store global %q, %y[%ow : i64] : i64, i32)";
  expectReport(divide, "divides by zero", shape);
  shape.n = 3;
  expectRuns(divide, shape);
}

TEST(Checks, StopsAtTheLimit) {
  expectReport(offsets + R"(
  %many = arith.constant 9223372036854775807 : i64
  %step = arith.constant 1 : i64
  scf.for %i = %zerow to %many step %step : i64 {
  })",
               "the limit of the launch");
}

TEST(Checks, LaunchIsLookedAtFirst) {
  TestLaunch launch;
  launch.x.assign(1, 0);
  launch.y.assign(1, 0);
  auto image = buildImage(kernelText("", 32, 0, -1));
  auto report = launch.run(image);
  EXPECT_FALSE(report.ok);
  EXPECT_NE(report.str().find("-1 blocks along x"), std::string::npos)
      << report.str();
  emulated::Launch raw;
  raw.image = &image;
  EXPECT_NE(emulated::run(raw).str().find("takes 4 arguments, not 0"),
            std::string::npos);
  EXPECT_NE(emulated::run({}).str().find("there is no image"),
            std::string::npos);
  EXPECT_TRUE(launch.run(buildImage(kernelText("", 32, 0, 0))).ok);
}
