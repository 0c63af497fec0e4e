//===- AssemblerTest.cpp - Logs, faults, limits, children -----------------===//

#include "codegen/nvidia/Assembler.h"
#include "codegen/nvidia/ChildProcess.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace einfall;
using namespace einfall::nvidia;

static const GpuTarget &target(const char *name) { return *findTarget(name); }

template <typename T> static std::string message(llvm::Expected<T> result) {
  return result ? "" : llvm::toString(result.takeError());
}

TEST(Targets, AreFoundByName) {
  EXPECT_EQ(target("sm_80").reference().block.sharedBytes, 166912);
  EXPECT_EQ(target("sm_90a").reference().block.sharedBytes, 232448);
  EXPECT_EQ(findTarget("sm_90"), nullptr);
  // The peaks of the white papers: 312 and 989 TFLOP/s.
  EXPECT_NEAR(target("sm_80").reference().matrixPeak16(), 312e12, 1e12);
  EXPECT_NEAR(target("sm_90a").reference().matrixPeak16(), 989e12, 1e12);
}

TEST(AssemblyReport, ReadsResourcesAndWarnings) {
  AssemblyReport report = parseAssemblyLog(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : (C7513) Potential Performance Loss: wgmma.mma_async "
      "instructions are serialized due to x in the function 'b'\n"
      "ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
      "ptxas info    : Function properties for a\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 27 registers, used 3 barriers, 372 bytes cmem[0]\n"
      "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
      "ptxas info    : Function properties for b\n"
      "    16 bytes stack frame, 12 bytes spill stores, 8 bytes spill loads\n"
      "ptxas info    : Used 255 registers, used 1 barriers, 16 bytes "
      "cumulative stack size, 4096 bytes smem, 400 bytes cmem[0]\n"
      "ptxas warning : something else\n");
  ASSERT_EQ(report.kernels.size(), 2u);
  const KernelResources *a = report.find("a"), *b = report.find("b");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->registers, 27);
  EXPECT_EQ(a->barriers, 3);
  EXPECT_EQ(b->registers, 255);
  EXPECT_EQ(b->stackBytes, 16);
  EXPECT_EQ(b->spillStoreBytes, 12);
  EXPECT_EQ(b->spillLoadBytes, 8);
  EXPECT_EQ(b->staticSharedBytes, 4096);
  ASSERT_EQ(report.warnings.size(), 2u);
  EXPECT_EQ(report.warnings[0].code, "C7513");
  EXPECT_EQ(report.warnings[1].code, "");
  EXPECT_EQ(report.warnings[1].text, "something else");
  EXPECT_FALSE(report.clean());
}

TEST(AssemblyReport, IsCleanWithoutSpillsAndWarnings) {
  // As the library writes it: everything twice.
  AssemblyReport report = parseAssemblyLog(
      "ptxas info    : Compiling entry function 'k' for 'sm_80'\n"
      "ptxas info    : Function properties for k\n"
      "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes "
      "spill loads\n"
      "ptxas info    : Used 27 registers, used 3 barriers, 372 bytes cmem[0]\n"
      "info    : Function properties for 'k':\n"
      "info    : used 28 registers, used 3 barriers, 8 stack, 0 bytes smem\n");
  ASSERT_EQ(report.kernels.size(), 1u);
  EXPECT_EQ(report.kernels[0].registers, 27);
  EXPECT_TRUE(report.clean());
}

TEST(AssemblyReport, KernelsThatDoNotFitAreRefused) {
  KernelResources kernel;
  kernel.name = "k";
  kernel.registers = 168;
  EXPECT_FALSE(checkResources(kernel, target("sm_90a"), 384, 200000));
  EXPECT_EQ(llvm::toString(checkResources(kernel, target("sm_90a"), 512, 0)),
            "kernel 'k' needs 86016 registers per block (168 per thread), "
            "sm_90a has 65536; use smaller tiles or fewer warps");
  EXPECT_EQ(
      llvm::toString(checkResources(kernel, target("sm_80"), 128, 170000)),
      "kernel 'k' needs 170000 bytes of shared memory per block, sm_80 has "
      "166912; use smaller tiles or fewer stages");
}

TEST(KnownFaults, NeedTheInstructionAndTheVersion) {
  const char *shared = "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16\n"
                       "{%r1, %r2, %r3, %r4},\n%rd1, %rd2, p, 1, 1, 0, 0;";
  const char *registers =
      "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16\n"
      "{%r1, %r2, %r3, %r4},\n{%r5, %r6, %r7, %r8}, %rd2, p, 1, 1, 0;";
  const GpuTarget &hopper = target("sm_90a");
  EXPECT_EQ(faultsOf({13, 0, 88}, registers, hopper).size(), 2u);
  EXPECT_EQ(faultsOf({13, 0, 88}, shared, hopper).size(), 1u);
  EXPECT_EQ(faultsOf({13, 2, 0}, registers, hopper).size(), 1u);
  EXPECT_TRUE(faultsOf({13, 3, 0}, registers, hopper).empty());
  EXPECT_TRUE(faultsOf({13, 0, 88}, "", target("sm_80")).empty());
}

TEST(ToolVersion, IsReadAndCompared) {
  EXPECT_EQ(ToolVersion::parse("13.0.88\n"), (ToolVersion{13, 0, 88}));
  EXPECT_EQ(ToolVersion::parse("13.5"), (ToolVersion{13, 5, 0}));
  EXPECT_FALSE(ToolVersion::parse("release"));
  EXPECT_LT((ToolVersion{12, 9, 86}), (ToolVersion{13, 0, 0}));
}

TEST(Assembler, WhatIsNoneIsRefused) {
  EXPECT_EQ(message(Assembler::open("/nowhere/ptxas")),
            "there is no '/nowhere/ptxas'");
  EXPECT_EQ(message(Assembler::open("/bin/true")), "'/bin/true' is no ptxas");
  ::setenv("EINFALL_PTXAS", "/nowhere/ptxas", 1);
  EXPECT_EQ(message(Assembler::find()),
            "EINFALL_PTXAS is of no use: there is no '/nowhere/ptxas'");
  ::unsetenv("EINFALL_PTXAS");
}

TEST(Assembler, ErrorsOfTheTextArePassedOn) {
  for (const Assembler &assembler : Assembler::candidates()) {
    std::string error =
        message(assembler.assemble("nonsense", target("sm_80")));
    EXPECT_NE(error.find("failed with"), std::string::npos) << error;
  }
}

TEST(ChildProcess, GivesStatusAndBothStreams) {
  auto result = runChild({"/bin/sh", "-c", "echo a; echo b >&2; exit 3"}, 20);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->status, 3);
  EXPECT_EQ(result->output, "a\nb\n");
}

TEST(ChildProcess, IsKilledByTheClock) {
  EXPECT_EQ(message(runChild({"/bin/sleep", "100"}, 0.1)),
            "'/bin/sleep' was killed after 0.1 s");
  EXPECT_NE(message(runChild({"/nowhere/program"}, 1)), "");
  EXPECT_EQ(message(runChild({"/bin/sh", "-c", "kill -9 $$"}, 20)),
            "'/bin/sh' was ended by signal 9");
}
