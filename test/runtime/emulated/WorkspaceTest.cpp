//===- WorkspaceTest.cpp - Programs that share memory of a launch ---------===//

#include "DeviceProgram.h"
#include "gtest/gtest.h"

using namespace einfall;
using namespace einfall::emulated;

namespace {

/// 32 threads copy `from` to `to`, n at most; both name parameters. `bytes` is
/// the workspace, `when` whether it is a kernel for any arguments.
std::string copyProgram(const std::string &from, const std::string &to,
                        int64_t bytes, bool when = true) {
  return R"(device.kernel @copy target "sm_80" threads 32 shared 0
  parameters ["x", "y", "n", "workspace"] grid {
^bb0(%x: i64, %y: i64, %n: i64, %w: i64):
  %one = arith.constant 1 : i64
  %applies = arith.constant )" +
         std::string(when ? "true" : "false") + R"(
  %bytes = arith.constant )" +
         std::to_string(bytes) + R"( : i64
  device.launch %one, %one, %one when %applies workspace %bytes
} body {
^bb0(%x: i64, %y: i64, %n: i64, %w: i64):
  %four = arith.constant 4 : i64
  %t = device.thread
  %tw = arith.extui %t : i32 to i64
  %o = arith.muli %tw, %four : i64
  %in = arith.cmpi slt, %tw, %n : i64
  scf.if %in {
    %v = device.load global %)" +
         from + R"([%o : i64] : i64 -> i32
    device.store global %v, %)" +
         to + R"([%o : i64] : i64, i32
  }
  device.return
})";
}

struct Programs {
  std::vector<DeviceImage> images;
  std::vector<uint32_t> x = std::vector<uint32_t>(32),
                        y = std::vector<uint32_t>(32);
  std::vector<uint64_t> workspace; ///< where the caller brings one

  explicit Programs(const std::vector<std::string> &texts) {
    for (const std::string &text : texts)
      images.push_back(test::buildImage(text));
    for (unsigned i = 0; i < 32; ++i)
      x[i] = i + 5;
  }
  Report run(uint64_t n = 32) {
    Launch launch;
    launch.image = &images.front();
    for (size_t i = 1; i < images.size(); ++i)
      launch.then.push_back(&images[i]);
    launch.arguments = {reinterpret_cast<uintptr_t>(x.data()),
                        reinterpret_cast<uintptr_t>(y.data()), n};
    launch.buffers = {{x.data(), 128, false, "x"}, {y.data(), 128, true, "y"}};
    if (!workspace.empty()) {
      launch.arguments.push_back(reinterpret_cast<uintptr_t>(workspace.data()));
      launch.buffers.push_back(
          {workspace.data(), 8 * workspace.size(), true, "own"});
    }
    return emulated::run(launch);
  }
  void expectMessage(const std::string &text) {
    Report report = run();
    EXPECT_FALSE(report.ok);
    EXPECT_NE(report.str().find(text), std::string::npos) << report.str();
  }
};

} // namespace

TEST(Workspace, PassesFromProgramToProgram) {
  Programs programs({copyProgram("x", "w", 128), copyProgram("w", "y", 128)});
  Report report = programs.run();
  EXPECT_TRUE(report.ok) << report.str();
  EXPECT_EQ(programs.y, programs.x);
  EXPECT_EQ(report.counters.blocks, 2u);
  EXPECT_EQ(programs.images[0].gridOf({0, 0, 0}).workspace, 128u);
  EXPECT_TRUE(programs.images[0].contents().hasWorkspace());
  EXPECT_EQ(programs.images[0].contents().argumentCount(), 3u);
}

TEST(Workspace, HoldsNothingAtFirst) {
  Programs programs({copyProgram("w", "y", 128)});
  EXPECT_TRUE(programs.run().ok);
  EXPECT_EQ(programs.y, std::vector<uint32_t>(32, ~0u));
}

TEST(Workspace, MayBeTheCallers) {
  Programs programs({copyProgram("x", "w", 128), copyProgram("w", "y", 128)});
  programs.workspace.resize(16);
  EXPECT_TRUE(programs.run().ok);
  EXPECT_EQ(programs.y, programs.x);
  EXPECT_EQ(programs.workspace[1], 7 | uint64_t(8) << 32);
}

TEST(Workspace, IsKeptWithinItsBounds) {
  Programs programs({copyProgram("x", "w", 124)});
  programs.expectMessage("lie in no buffer of the launch");
  Programs later({copyProgram("x", "w", 128), copyProgram("w", "y", 256)});
  later.expectMessage("needs a workspace of 256 bytes; the program before it "
                      "needs 128");
  Programs huge({copyProgram("x", "w", int64_t(1) << 62)});
  huge.expectMessage("for which there is no memory");
}

TEST(Workspace, ProgramsGoOnTogether) {
  Programs none(
      {copyProgram("x", "w", 128, false), copyProgram("w", "y", 128)});
  Report report = none.run();
  EXPECT_FALSE(report.applies);
  EXPECT_TRUE(report.messages.empty());
  Programs second(
      {copyProgram("x", "w", 128), copyProgram("w", "y", 128, false)});
  second.expectMessage("is none for these arguments, the program before it is");
}

TEST(Workspace, IsTheLastParameter) {
  Image image = Programs({copyProgram("x", "w", 128)}).images[0].contents();
  image.parameters[1].type = ParameterType::Workspace;
  std::string error;
  EXPECT_FALSE(DeviceImage::make(image, error));
  EXPECT_EQ(error, "device image has a workspace that is not its last "
                   "parameter");
}
