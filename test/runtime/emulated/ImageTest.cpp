//===- ImageTest.cpp - Images that are cut, changed or hostile ------------===//

#include "DeviceProgram.h"
#include "gtest/gtest.h"

#include <random>

using namespace einfall;
using namespace einfall::test;

namespace {

/// A program with regions, loops, copies and barriers.
emulated::DeviceImage sample() {
  return buildImage(kernelText(R"(
  %c16 = arith.constant 16 : i32
  %c16w = arith.constant 16 : i64
  %d = arith.muli %t, %c16 : i32
  %ow = arith.muli %tw, %c16w : i64
  %src = arith.addi %x, %ow : i64
  device.copy_async 16 %d, %src valid %c16
  device.copy_commit
  device.copy_wait 0
  device.barrier 0
  %c2 = arith.constant 2 : i32
  %s = scf.for %i = %zero to %c2 step %one iter_args(%f = %a) -> (f32) : i32 {
    %m = device.nv.ldmatrix 4 %d : vector<4xi32>
    %b = device.nv.ldmatrix 2 %d : vector<2xi32>
    %z = vector.broadcast %f : f32 to vector<4xf32>
    %r = device.nv.mma bf16 %m, %b, %z : vector<4xi32>, vector<2xi32>, vector<4xf32>
    %s = device.nv.ldmatrix 1 %d : vector<1xi32>
    %r8 = device.nv.mma f16 %b, %s, %r : vector<2xi32>, vector<1xi32>, vector<4xf32>
    %g = vector.extract %r[0] : f32 from vector<4xf32>
    %q = arith.divui %t, %c2 : i32
    %pos = arith.cmpi ult, %q, %c16 : i32
    %h = scf.if %pos -> (f32) {
      %e = device.approximate exp2 %g
      scf.yield %e : f32
    } else {
      scf.yield %g : f32
    }
    scf.yield %h : f32
  }
  device.store global %s, %y[%ow : i64] : i64, f32)",
                               64, 1024));
}

/// Runs what was accepted, if it is small: it must end.
void runAccepted(const emulated::DeviceImage &image) {
  const emulated::Image &contents = image.contents();
  if (contents.parameters.size() != 4 || contents.body.words > 1024)
    return;
  TestLaunch launch;
  launch.x.assign(256, 0x3f803f80);
  launch.y.assign(256, 0);
  launch.limit = 500;
  launch.run(image);
}

} // namespace

TEST(Image, SurvivesWritingAndReading) {
  auto image = sample();
  const emulated::Image &contents = image.contents();
  EXPECT_EQ(contents.name, "test");
  EXPECT_EQ(contents.target, "sm_80");
  EXPECT_EQ(contents.threads, 64u);
  EXPECT_EQ(contents.shared, 1024u);
  ASSERT_EQ(contents.parameters.size(), 4u);
  EXPECT_EQ(contents.parameters[3].name, "a");
  EXPECT_EQ(contents.parameters[3].type, emulated::ParameterType::F32);
  // Values that do not live together share registers.
  EXPECT_LT(contents.body.words, 60u);
  std::string bytes = emulated::write(contents), error;
  auto again = emulated::read(bytes.data(), bytes.size(), error);
  ASSERT_TRUE(again) << error;
  EXPECT_EQ(emulated::write(*again), bytes);
  TestLaunch launch;
  launch.x.assign(256, 0x3f803f80);
  launch.y.assign(256, 0);
  auto report = launch.run(image);
  EXPECT_TRUE(report.ok) << report.str();
}

TEST(Image, CutAnywhereIsRefused) {
  std::string bytes = emulated::write(sample().contents());
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string error;
    // A copy of just this size, so that reading beyond it is noticed.
    std::vector<char> cut(bytes.begin(), bytes.begin() + size);
    EXPECT_FALSE(emulated::DeviceImage::load({cut.data(), size}, error));
    EXPECT_FALSE(error.empty());
  }
  std::string error;
  EXPECT_FALSE(emulated::DeviceImage::load(bytes + '\0', error));
}

TEST(Image, AnyChangedByteIsRefused) {
  const std::string bytes = emulated::write(sample().contents());
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int change : {1, 0x80, 0xff}) {
      std::string changed = bytes, error;
      changed[at] = char(changed[at] ^ change);
      EXPECT_FALSE(emulated::DeviceImage::load(changed, error)) << at;
      EXPECT_FALSE(error.empty());
    }
}

// What has a right hash but was not made by us: refused, or run without harm.
TEST(Image, HostileImagesDoNoHarm) {
  const emulated::Image good = sample().contents();
  std::mt19937 random(5);
  unsigned accepted = 0;
  for (unsigned round = 0; round < 3000; ++round) {
    emulated::Image bad = good;
    emulated::Program &program = round % 8 ? bad.body : bad.grid;
    emulated::Instruction &inst = program.code[random() % program.code.size()];
    switch (random() % 8) {
    case 0:
      inst.opcode = emulated::Opcode(random() % (emulated::opcodeCount + 2));
      break;
    case 1:
      inst.sub = random() % 4 ? random() % 20 : random();
      break;
    case 2:
      inst.operands = random() % (program.operands.size() + 4);
      break;
    case 3:
      inst.immediate = random() % 4 ? random() % 70 : random();
      break;
    case 4:
      program.operands[random() % program.operands.size()] =
          random() % (program.words + 4);
      break;
    case 5:
      std::swap(inst, program.code[random() % program.code.size()]);
      break;
    case 6:
      program.code.erase(program.code.begin() + random() % program.code.size());
      break;
    case 7:
      bad.threads = random() % 2 ? random() % 2048 : 32 * (random() % 40);
      bad.shared = random() % 2048;
      inst.location = random() % (bad.locations.size() + 2);
      break;
    }
    std::string error, bytes = emulated::write(bad);
    auto image = emulated::DeviceImage::load(bytes, error);
    EXPECT_EQ(!image, !error.empty());
    if (!image)
      continue;
    ++accepted;
    // Another grid may be one of billions of blocks.
    if (&program == &bad.body)
      runAccepted(*image);
  }
  // Some changes leave a program, and they must have run.
  EXPECT_GT(accepted, 200u);
}

TEST(Image, ForeignTargetsAreRefused) {
  emulated::Image image = sample().contents();
  image.target = "gfx942";
  std::string error;
  EXPECT_FALSE(emulated::DeviceImage::make(image, error));
  EXPECT_EQ(error, "device image is for `gfx942`, which is not emulated");
}
