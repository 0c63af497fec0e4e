//===- ArithmeticTest.cpp - What lanes compute ----------------------------===//

#include "DeviceProgram.h"

#include "runtime/devices/emulated/Lanes.h"
#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <random>

using namespace einfall;
using namespace einfall::test;

namespace {

const std::string header = R"(
  %four = arith.constant 4 : i32
  %fourw = arith.constant 4 : i64
  %eightw = arith.constant 8 : i64
  %ow = arith.muli %tw, %fourw : i64
  %o2 = arith.muli %tw, %eightw : i64
)";

/// %p and %q are loaded as i32 pairs from x; what `body` calls %r (i32) is
/// stored. Compares with `expected(p, q)`.
void expectWords(const std::string &body,
                 const std::vector<std::pair<uint32_t, uint32_t>> &inputs,
                 std::function<uint32_t(uint32_t, uint32_t)> expected) {
  TestLaunch launch;
  for (unsigned i = 0; i < 32; ++i) {
    launch.x.push_back(inputs[i % inputs.size()].first);
    launch.x.push_back(inputs[i % inputs.size()].second);
  }
  launch.y.assign(32, 0);
  auto report = runBody(header + R"(
  %pq = device.load global %x[%o2 : i64] : i64 -> vector<2xi32>
  %p = vector.extract %pq[0] : i32 from vector<2xi32>
  %q = vector.extract %pq[1] : i32 from vector<2xi32>
  %pf = arith.bitcast %p : i32 to f32
  %qf = arith.bitcast %q : i32 to f32
)" + body + "\ndevice.store global %r, %y[%ow : i64] : i64, i32",
                        32, 0, launch);
  ASSERT_TRUE(report.ok) << report.str();
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(launch.y[i], expected(launch.x[2 * i], launch.x[2 * i + 1]))
        << body << " " << int32_t(launch.x[2 * i]) << " "
        << int32_t(launch.x[2 * i + 1]);
}

const std::vector<std::pair<uint32_t, uint32_t>> integers = {
    {7, 2},
    {uint32_t(-7), 2},
    {7, uint32_t(-2)},
    {uint32_t(-7), uint32_t(-2)},
    {0x80000000, uint32_t(-1)},
    {0xffffffff, 1},
    {6, 3},
    {uint32_t(-6), 3},
    {0x12345678, 31},
    {1, 40}};

} // namespace

TEST(Arithmetic, Integers) {
  using I = int32_t;
  auto op = [](const char *name) {
    return std::string("%r = arith.") + name + " %p, %q : i32";
  };
  expectWords(op("addi"), integers, [](auto p, auto q) { return p + q; });
  expectWords(op("subi"), integers, [](auto p, auto q) { return p - q; });
  expectWords(op("muli"), integers, [](auto p, auto q) { return p * q; });
  expectWords(op("floordivsi"), integers, [](auto p, auto q) {
    return uint32_t(int64_t(std::floor(double(I(p)) / double(I(q)))));
  });
  expectWords(op("ceildivsi"), integers, [](auto p, auto q) {
    return uint32_t(int64_t(std::ceil(double(I(p)) / double(I(q)))));
  });
  expectWords(op("divsi"), integers,
              [](auto p, auto q) { return uint32_t(int64_t(I(p)) / I(q)); });
  expectWords(op("remsi"), integers,
              [](auto p, auto q) { return uint32_t(int64_t(I(p)) % I(q)); });
  expectWords(op("divui"), integers, [](auto p, auto q) { return p / q; });
  expectWords(op("ceildivui"), integers, [](auto p, auto q) {
    return uint32_t((uint64_t(p) + q - 1) / q);
  });
  expectWords(op("maxsi"), integers,
              [](auto p, auto q) { return uint32_t(std::max(I(p), I(q))); });
  expectWords(op("minui"), integers,
              [](auto p, auto q) { return std::min(p, q); });
  expectWords(op("shli"), integers,
              [](auto p, auto q) { return q < 32 ? p << q : 0; });
  expectWords(op("shrsi"), integers, [](auto p, auto q) {
    return uint32_t(I(p) >> (q < 32 ? q : 31));
  });
}

TEST(Arithmetic, NarrowIntegers) {
  auto narrow = [](const std::string &middle) {
    return "%l = arith.trunci %p : i32 to i8\n%h = arith.trunci %q : i32 to "
           "i8\n" +
           middle;
  };
  const std::vector<std::pair<uint32_t, uint32_t>> bytes = {
      {200, 100}, {0x180, 1}, {255, 255}, {128, 127}, {5, 250}};
  expectWords(narrow("%c = arith.addi %l, %h : i8\n"
                     "%r = arith.extsi %c : i8 to i32"),
              bytes, [](auto p, auto q) { return uint32_t(int8_t(p + q)); });
  expectWords(narrow("%c = arith.minsi %l, %h : i8\n"
                     "%r = arith.extui %c : i8 to i32"),
              bytes, [](auto p, auto q) {
                return uint32_t(uint8_t(std::min(int8_t(p), int8_t(q))));
              });
  expectWords(narrow("%c = arith.cmpi slt, %l, %h : i8\n"
                     "%r = arith.extsi %c : i1 to i32"),
              bytes,
              [](auto p, auto q) { return int8_t(p) < int8_t(q) ? ~0u : 0u; });
  expectWords(narrow("%c = arith.extsi %l : i8 to i64\n"
                     "%d = arith.extui %h : i8 to i64\n"
                     "%e = arith.muli %c, %d : i64\n"
                     "%r = arith.trunci %e : i64 to i32"),
              bytes, [](auto p, auto q) {
                return uint32_t(int8_t(p) * int32_t(uint8_t(q)));
              });
}

TEST(Arithmetic, FloatExtremes) {
  float nan = NAN, inf = INFINITY;
  std::vector<std::pair<uint32_t, uint32_t>> inputs;
  for (float p : {0.0f, -0.0f, 1.0f, nan, inf, -inf})
    for (float q : {0.0f, -0.0f, -2.0f, nan, inf})
      inputs.push_back({asWord(p), asWord(q)});
  auto op = [](const char *name) {
    return std::string("%f = arith.") + name +
           " %pf, %qf : f32\n%r = arith.bitcast %f : f32 to i32";
  };
  auto pick = [](bool propagate, bool greater) {
    return [=](uint32_t p, uint32_t q) {
      float a = asFloat(p), b = asFloat(q);
      if (a != a || b != b) {
        if (propagate || (a != a && b != b))
          return 0x7fffffffu;
        return a != a ? q : p;
      }
      // -0 is below +0.
      bool less = a < b || (a == b && std::signbit(a) && !std::signbit(b));
      return less == greater ? q : p;
    };
  };
  expectWords(op("maximumf"), inputs, pick(true, true));
  expectWords(op("minimumf"), inputs, pick(true, false));
  expectWords(op("maxnumf"), inputs, pick(false, true));
  expectWords(op("minnumf"), inputs, pick(false, false));
  const char *tests[] = {"false", "oeq", "ogt", "oge", "olt", "ole",
                         "one",   "ord", "ueq", "ugt", "uge", "ult",
                         "ule",   "une", "uno", "true"};
  for (const char *test : tests) {
    std::string name = test;
    expectWords("%c = arith.cmpf " + name +
                    ", %pf, %qf : f32\n%r = arith.extui %c : i1 to i32",
                inputs, [&](uint32_t p, uint32_t q) -> uint32_t {
                  float a = asFloat(p), b = asFloat(q);
                  bool unordered = a != a || b != b;
                  if (name == "true" || name == "false")
                    return name == "true";
                  if (name == "ord" || name == "uno")
                    return unordered == (name == "uno");
                  if (unordered)
                    return name[0] == 'u';
                  std::string kind = name.substr(1);
                  return kind == "eq"   ? a == b
                         : kind == "ne" ? a != b
                         : kind == "gt" ? a > b
                         : kind == "ge" ? a >= b
                         : kind == "lt" ? a < b
                                        : a <= b;
                });
  }
}

TEST(Arithmetic, IndexAndSaturation) {
  std::vector<std::pair<uint32_t, uint32_t>> inputs;
  for (float p : {1.9f, -1.9f, 3e9f, -3e9f, NAN, 2147483520.0f})
    inputs.push_back({asWord(p), 0});
  expectWords("%r = arith.fptosi %pf : f32 to i32", inputs,
              [](uint32_t p, uint32_t) -> uint32_t {
                float a = asFloat(p);
                if (a != a)
                  return 0;
                return uint32_t(int32_t(std::min(
                    2147483647.0, std::max(-2147483648.0, double(a)))));
              });
  expectWords("%f = arith.sitofp %p : i32 to f32\n"
              "%r = arith.bitcast %f : f32 to i32",
              integers,
              [](uint32_t p, uint32_t) { return asWord(float(int32_t(p))); });
}

//===----------------------------------------------------------------------===//
// 16-bit numbers
//===----------------------------------------------------------------------===//

namespace {

/// The value of a 16-bit number, from the definition of the format.
double valueOf(uint32_t half, int exponentBits, int mantissaBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent = half >> mantissaBits & ((1 << exponentBits) - 1);
  int mantissa = half & ((1 << mantissaBits) - 1);
  double sign = half & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponentBits) - 1)
    return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(mantissa, 1 - bias - mantissaBits);
  return sign * std::ldexp(mantissa + (1 << mantissaBits),
                           exponent - bias - mantissaBits);
}

/// The nearest 16-bit number, even among equals, by looking at the neighbours.
uint32_t nearest(float value, int exponentBits, int mantissaBits) {
  uint32_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(double(value));
  uint32_t infinite = ((1u << exponentBits) - 1) << mantissaBits;
  uint32_t low = 0, high = infinite;
  while (high - low > 1) {
    uint32_t middle = (low + high) / 2;
    (valueOf(middle, exponentBits, mantissaBits) <= magnitude ? low : high) =
        middle;
  }
  double below = valueOf(low, exponentBits, mantissaBits);
  double above = high == infinite
                     ? std::ldexp(2.0, (1 << (exponentBits - 1)) - 1)
                     : valueOf(high, exponentBits, mantissaBits);
  double up = above - magnitude, down = magnitude - below;
  return sign | (up < down || (up == down && (high & 1) == 0) ? high : low);
}

} // namespace

TEST(Halves, ConversionsAreThoseOfTheFormats) {
  for (const emulated::LaneTable *table :
       {emulated::laneTableBase(), emulated::laneTableAvx2(),
        emulated::laneTableAvx512()}) {
    if (!table)
      continue;
    alignas(64) uint32_t words[64];
    uint32_t masks[1], operands[2] = {0, 32};
    for (unsigned half : {0u, 1u}) {
      int exponentBits = half ? 8 : 5, mantissaBits = half ? 7 : 10;
      auto extend = table->function(emulated::Opcode::ExtendHalf, half);
      auto truncate = table->function(emulated::Opcode::TruncateHalf, half);
      for (uint32_t first = 0; first < 0x10000; first += 32) {
        for (uint32_t i = 0; i < 32; ++i)
          words[32 + i] = first + i;
        extend(words, masks, operands, 0);
        for (uint32_t i = 0; i < 32; ++i) {
          double expected = valueOf(first + i, exponentBits, mantissaBits);
          double found = asFloat(words[i]);
          if (expected != expected)
            EXPECT_NE(found, found);
          else
            EXPECT_EQ(found, expected) << first + i;
          words[32 + i] = words[i];
        }
        // Back again: exact.
        truncate(words, masks, operands, 0);
        for (uint32_t i = 0; i < 32; ++i)
          if (words[32 + i] << 1 <= 0xff000000) {
            EXPECT_EQ(words[i], first + i);
          }
      }
      std::mt19937 random(half);
      for (unsigned round = 0; round < 4000; ++round) {
        for (uint32_t i = 0; i < 32; ++i) {
          uint32_t bits = random();
          // Halfway cases, and the exponents of f16.
          if (i & 1)
            bits &= half ? 0xffff8000 : 0xfffff000;
          if (i & 2)
            bits = (bits & 0x807fffff) | (100 + bits % 45) << 23;
          words[32 + i] = bits;
        }
        truncate(words, masks, operands, 0);
        for (uint32_t i = 0; i < 32; ++i) {
          float value = asFloat(words[32 + i]);
          if (value != value) {
            double found = valueOf(words[i], exponentBits, mantissaBits);
            EXPECT_NE(found, found);
          } else if (!std::isinf(value)) {
            ASSERT_EQ(words[i], nearest(value, exponentBits, mantissaBits))
                << std::hexfloat << value;
          }
        }
      }
    }
  }
}

TEST(Halves, PackPutsTheFirstLow) {
  expectWords("%r = device.pack f16 %pf, %qf", {{asWord(1), asWord(-2)}},
              [](auto, auto) { return 0xc0003c00u; });
  expectWords("%r = device.pack bf16 %pf, %qf", {{asWord(1), asWord(-2)}},
              [](auto, auto) { return 0xc0003f80u; });
  expectWords("%l, %h = device.unpack bf16 %p\n%s = arith.subf %l, %h : f32\n"
              "%r = arith.bitcast %s : f32 to i32",
              {{0xc0003f80u, 0}}, [](auto, auto) { return asWord(3); });
}

//===----------------------------------------------------------------------===//
// Instruction sets of the host
//===----------------------------------------------------------------------===//

TEST(Lanes, AllInstructionSetsGiveTheSameBits) {
  const emulated::LaneTable *base = emulated::laneTableBase();
  std::mt19937 random(7);
  for (const emulated::LaneTable *table :
       {emulated::laneTableAvx2(), emulated::laneTableAvx512()}) {
    if (!table)
      continue;
    for (unsigned code = 0; code < emulated::opcodeCount; ++code)
      for (uint16_t sub = 0; sub < 16; ++sub) {
        auto opcode = emulated::Opcode(code);
        auto letters = emulated::signature(opcode, sub);
        if (!letters)
          continue;
        auto in = [&](const emulated::LaneTable *from) {
          return opcode == emulated::Opcode::Mma ? from->mma[sub]
                 : opcode == emulated::Opcode::MmaShallow
                     ? from->mmaShallow[sub]
                     : from->function(opcode, sub);
        };
        auto one = in(base), other = in(table);
        ASSERT_EQ(!one, !other);
        if (!one)
          continue;
        uint32_t operands[16];
        for (unsigned i = 0; i < letters->size(); ++i)
          operands[i] =
              (*letters)[i] == 'm' || (*letters)[i] == 'M' ? i : 64 * i;
        for (unsigned round = 0; round < 50; ++round) {
          alignas(64) static uint32_t a[64 * 16], b[64 * 16];
          uint32_t m[16], n[16];
          for (unsigned i = 0; i < 64 * 16; ++i) {
            // Numbers of all sizes; and of those near 1.
            a[i] = b[i] =
                round % 2 ? random() : (random() & 0x83ff83ff) + 0x3c003c00;
          }
          for (unsigned i = 0; i < 16; ++i)
            m[i] = n[i] = random();
          one(a, m, operands, 8);
          other(b, n, operands, 8);
          for (unsigned i = 0; i < 64 * 16; ++i) {
            bool nan = asFloat(a[i]) != asFloat(a[i]) &&
                       asFloat(b[i]) != asFloat(b[i]);
            ASSERT_TRUE(a[i] == b[i] || nan)
                << code << " " << sub << " " << i << std::hex << " " << a[i]
                << " " << b[i];
          }
          for (unsigned i = 0; i < 16; ++i)
            ASSERT_EQ(m[i], n[i]) << code << " " << sub;
        }
      }
  }
}

TEST(Lanes, ApproximateFunctions) {
  auto bodyOf = [](const char *name) {
    return std::string("%f = device.approximate ") + name +
           " %pf\n%r = arith.bitcast %f : f32 to i32";
  };
  std::vector<std::pair<uint32_t, uint32_t>> inputs;
  for (float p : {0.0f, -0.0f, 1.0f, -1.5f, 0.3f, 127.99f, 128.0f, -126.0f,
                  -126.5f, -200.0f, 1e-40f, 1e30f, -1e30f})
    inputs.push_back({asWord(p), 0});
  inputs.push_back({asWord(INFINITY), 0});
  inputs.push_back({asWord(-INFINITY), 0});
  auto flushed = [](float value) {
    if (value != value)
      return 0x7fffffffu;
    return std::fpclassify(value) == FP_SUBNORMAL
               ? asWord(std::copysign(0.0f, value))
               : asWord(value);
  };
  auto rounded = [&](double (*function)(double)) {
    return [=](uint32_t p, uint32_t) {
      return flushed(float(function(asFloat(flushed(asFloat(p))))));
    };
  };
  expectWords(bodyOf("exp2"), inputs, rounded(std::exp2));
  expectWords(bodyOf("log2"), inputs, rounded(std::log2));
  expectWords(bodyOf("sqrt"), inputs, rounded(std::sqrt));
  expectWords(bodyOf("reciprocal"), inputs,
              rounded([](double x) { return 1 / x; }));
  // Nearly always the nearest number; never further than one away.
  std::mt19937 random(3);
  unsigned wrong = 0;
  alignas(64) uint32_t words[64];
  uint32_t masks[1], operands[2] = {0, 32};
  auto exp2 = emulated::laneTable().function(emulated::Opcode::Approximate, 0);
  for (unsigned round = 0; round < 3000; ++round) {
    for (unsigned i = 0; i < 32; ++i)
      words[32 + i] = asWord(float(int32_t(random())) * 0x1p-25f);
    exp2(words, masks, operands, 0);
    for (unsigned i = 0; i < 32; ++i) {
      uint32_t expected =
          flushed(float(std::exp2(double(asFloat(words[32 + i])))));
      wrong += words[i] != expected;
      EXPECT_LE(std::abs(int32_t(words[i] - expected)), 1);
    }
  }
  EXPECT_LE(wrong, 1u);
}

//===----------------------------------------------------------------------===//
// Control and shuffles
//===----------------------------------------------------------------------===//

TEST(Control, BoundsDifferByLane) {
  // r = sum of i below p mod 8, in lanes where q is odd; else the thread.
  std::vector<std::pair<uint32_t, uint32_t>> inputs;
  for (uint32_t i = 0; i < 32; ++i)
    inputs.push_back({i * 5 % 8, i / 2});
  expectWords(R"(
  %one32 = arith.constant 1 : i32
  %bit = arith.andi %q, %one32 : i32
  %odd = arith.cmpi eq, %bit, %one32 : i32
  %r = scf.if %odd -> (i32) {
    %g, %h = scf.for %i = %zero to %p step %one32 iter_args(%s = %zero, %u = %one32) -> (i32, i32) : i32 {
      %sum = arith.addi %s, %i : i32
      scf.yield %sum, %s : i32, i32
    }
    %both = arith.subi %g, %h : i32
    scf.yield %both : i32
  } else {
    scf.yield %t : i32
  })",
              inputs, [&](uint32_t p, uint32_t q) -> uint32_t {
                if (q % 2 == 0) {
                  for (uint32_t i = 0; i < 32; ++i)
                    if (inputs[i].first == p && inputs[i].second == q)
                      // Two lanes have the same q; p tells them apart.
                      return i;
                }
                uint32_t s = 0, u = 1;
                for (uint32_t i = 0; i < p; ++i) {
                  u = s;
                  s += i;
                }
                return s - u;
              });
}

TEST(Control, LoopsSwapWhatTheyCarry) {
  expectWords(R"(
  %low = arith.constant 0 : index
  %high = arith.constant 3 : index
  %step = arith.constant 1 : index
  %g, %h = scf.for %i = %low to %high step %step iter_args(%s = %p, %u = %q) -> (i32, i32) {
    scf.yield %u, %s : i32, i32
  }
  %c16 = arith.constant 16 : i32
  %l = arith.shli %g, %c16 : i32
  %r = arith.ori %l, %h : i32)",
              {{1, 2}, {3, 4}},
              [](uint32_t p, uint32_t q) { return q << 16 | p; });
}

TEST(Control, ShufflesAndVotes) {
  std::vector<std::pair<uint32_t, uint32_t>> inputs;
  for (uint32_t i = 0; i < 32; ++i)
    inputs.push_back({i, i == 9});
  for (auto [mode, from] :
       std::vector<std::pair<const char *, std::function<uint32_t(uint32_t)>>>{
           {"xor", [](uint32_t i) { return i ^ 5; }},
           {"index", [](uint32_t) { return 5; }},
           {"up", [](uint32_t i) { return i >= 5 ? i - 5 : i; }},
           {"down", [](uint32_t i) { return i + 5 < 32 ? i + 5 : i; }}})
    expectWords(std::string("%five = arith.constant 5 : i32\n"
                            "%r = device.shuffle ") +
                    mode + " %p, %five : i32",
                inputs, [&](uint32_t p, uint32_t) { return from(p); });
  std::string votes = R"(
  %c = arith.cmpi ne, %q, %zero : i32
  %two = arith.constant 2 : i32
  %any = device.vote any %c
  %all = device.vote all %c
  %v = arith.extui %any : i1 to i32
  %w = arith.extui %all : i1 to i32
  %d = arith.muli %w, %two : i32
  %r = arith.addi %v, %d : i32)";
  expectWords(votes, inputs, [](auto, auto) { return 1; });
  expectWords(votes, {{0, 0}}, [](auto, auto) { return 0; });
  expectWords(votes, {{0, 5}}, [](auto, auto) { return 3; });
  expectWords("%r = device.uniform %p", inputs, [](auto, auto) { return 0; });
}
