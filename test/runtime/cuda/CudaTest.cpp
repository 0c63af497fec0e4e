//===- CudaTest.cpp - Launching on CUDA, with a driver that checks --------===//

#include "FakeDriver.h"

#include "../emulated/DeviceProgram.h"
#include "runtime/core/Package.h"
#include "runtime/devices/cuda/CudaMemory.h"

#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace einfall;
using namespace einfall::runtime;
namespace emulated = einfall::emulated;

static thread_local unsigned allocations = 0;

void *operator new(size_t size) {
  ++allocations;
  return std::malloc(size ? size : 1);
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

//===----------------------------------------------------------------------===//
// A package
//===----------------------------------------------------------------------===//

/// Y[m] = a * X[m] + `extra`, of 32 elements a block. `multiple`: for extents
/// that are multiples of 32 only. `shared` bytes of shared memory are asked
/// for.
std::string program(const std::string &name, const std::string &target,
                    bool multiple, double extra, int shared) {
  return "device.kernel @" + name + " target \"" + target +
         "\" threads 32 shared " + std::to_string(shared) + R"(
  parameters ["x", "y", "sx", "sy", "m", "a", "a given", "n", "n given"] grid {
^bb0(%x: i64, %y: i64, %sx: i64, %sy: i64, %m: i64, %a: f32, %ag: i32, %n: i64,
     %ng: i32):
  %one = arith.constant 1 : i64
  %c32 = arith.constant 32 : i64
  %zero = arith.constant 0 : i64
  %blocks = arith.ceildivsi %m, %c32 : i64
  %rest = arith.remsi %m, %c32 : i64
  %fits = arith.cmpi eq, %rest, %zero : i64
  device.launch %blocks, %one, %one)" +
         (multiple ? " when %fits" : "") + R"(
} body {
^bb0(%x: i64, %y: i64, %sx: i64, %sy: i64, %m: i64, %a: f32, %ag: i32, %n: i64,
     %ng: i32):
  %four = arith.constant 4 : i64
  %c32 = arith.constant 32 : i64
  %extra = arith.constant )" +
         std::to_string(extra) + R"( : f32
  %t = device.thread
  %b = device.block x
  %tw = arith.extui %t : i32 to i64
  %bw = arith.extui %b : i32 to i64
  %first = arith.muli %bw, %c32 : i64
  %i = arith.addi %first, %tw : i64
  %in = arith.cmpi slt, %i, %m : i64
  scf.if %in {
    %xe = arith.muli %i, %sx : i64
    %xo = arith.muli %xe, %four : i64
    %ye = arith.muli %i, %sy : i64
    %yo = arith.muli %ye, %four : i64
    %v = device.load global %x[%xo : i64] : i64 -> f32
    %p = arith.mulf %v, %a : f32
    %s = arith.addf %p, %extra : f32
    device.store global %s, %y[%yo : i64] : i64, f32
  }
  device.return
})";
}

/// The same of dense tensors, by bulk copies.
std::string hopperProgram() {
  return R"(device.kernel @bulk target "sm_90a" threads 32 shared 2048
  parameters ["x", "y", "sx", "sy", "m", "a", "a given", "n", "n given"] grid {
^bb0(%x: i64, %y: i64, %sx: i64, %sy: i64, %m: i64, %a: f32, %ag: i32, %n: i64,
     %ng: i32):
  %one = arith.constant 1 : i64
  %c32 = arith.constant 32 : i64
  %c128 = arith.constant 128 : i64
  %zero = arith.constant 0 : i64
  %blocks = arith.divsi %m, %c32 : i64
  %rest = arith.remsi %m, %c32 : i64
  %whole = arith.cmpi eq, %rest, %zero : i64
  %dense = arith.cmpi eq, %sx, %one : i64
  %fits = arith.andi %whole, %dense : i1
  %map = device.nv.encode_map f32 %x extents %c32, %blocks strides %c128
    box [32, 1] swizzle 128
  device.launch %blocks, %one, %one when %fits maps %map
} body {
^bb0(%x: i64, %y: i64, %sx: i64, %sy: i64, %m: i64, %a: f32, %ag: i32, %n: i64,
     %ng: i32, %map: !device.tensor_map):
  %zero = arith.constant 0 : i32
  %four = arith.constant 4 : i32
  %fourw = arith.constant 4 : i64
  %c32 = arith.constant 32 : i64
  %extra = arith.constant 0.25 : f32
  %bytes = arith.constant 128 : i32
  %tile = arith.constant 1024 : i32
  %t = device.thread
  %b = device.block x
  %first = arith.cmpi eq, %t, %zero : i32
  scf.if %first {
    device.nv.mbarrier_init %zero, 1
    device.nv.fence mbarrier_init
  }
  device.barrier 0
  scf.if %first {
    device.nv.mbarrier_expect %zero, %bytes
    device.nv.bulk_load %map[%zero, %b] to %tile barrier %zero
  }
  device.nv.mbarrier_wait %zero parity %zero
  %o = arith.muli %t, %four : i32
  %v = device.load shared %tile[%o : i32] : i32 -> f32
  %p = arith.mulf %v, %a : f32
  %s = arith.addf %p, %extra : f32
  %tw = arith.extui %t : i32 to i64
  %bw = arith.extui %b : i32 to i64
  %fo = arith.muli %bw, %c32 : i64
  %i = arith.addi %fo, %tw : i64
  %ye = arith.muli %i, %sy : i64
  %yo = arith.muli %ye, %fourw : i64
  device.store global %s, %y[%yo : i64] : i64, f32
  device.return
})";
}

/// Copies between a tensor and the workspace: into it `x` times `a`, out of it
/// with 0.125 added. With `least`, for so many elements only.
std::string stepProgram(const std::string &name, bool into, int least) {
  return "device.kernel @" + name + R"( target "sm_80" threads 32 shared 0
  parameters ["x", "y", "sx", "sy", "m", "a", "a given", "n", "n given",
              "workspace"] grid {
^bb0(%x: i64, %y: i64, %sx: i64, %sy: i64, %m: i64, %a: f32, %ag: i32, %n: i64,
     %ng: i32, %w: i64):
  %one = arith.constant 1 : i64
  %four = arith.constant 4 : i64
  %c32 = arith.constant 32 : i64
  %least = arith.constant )" +
         std::to_string(least) + R"( : i64
  %blocks = arith.ceildivsi %m, %c32 : i64
  %enough = arith.cmpi sge, %m, %least : i64
  %bytes = arith.muli %m, %four : i64
  device.launch %blocks, %one, %one when %enough workspace %bytes
} body {
^bb0(%x: i64, %y: i64, %sx: i64, %sy: i64, %m: i64, %a: f32, %ag: i32, %n: i64,
     %ng: i32, %w: i64):
  %c32 = arith.constant 32 : i64
  %four = arith.constant 4 : i64
  %extra = arith.constant 0.125 : f32
  %t = device.thread
  %b = device.block x
  %tw = arith.extui %t : i32 to i64
  %bw = arith.extui %b : i32 to i64
  %first = arith.muli %bw, %c32 : i64
  %i = arith.addi %first, %tw : i64
  %in = arith.cmpi slt, %i, %m : i64
  scf.if %in {
    %xe = arith.muli %i, %sx : i64
    %xo = arith.muli %xe, %four : i64
    %ye = arith.muli %i, %sy : i64
    %yo = arith.muli %ye, %four : i64
    %wo = arith.muli %i, %four : i64
)" +
         (into ? R"(    %v = device.load global %x[%xo : i64] : i64 -> f32
    %p = arith.mulf %v, %a : f32
    device.store global %p, %w[%wo : i64] : i64, f32
)"
               : R"(    %v = device.load global %w[%wo : i64] : i64 -> f32
    %s = arith.addf %v, %extra : f32
    device.store global %s, %y[%yo : i64] : i64, f32
)") + R"(  }
  device.return
})";
}

/// Something that a driver would take for a cubin, with a name in it.
std::string cubinOf(const std::string &name) {
  std::string cubin(64, '\0');
  cubin.replace(0, 5,
                "\x7f"
                "ELF\2");
  cubin[18] = char(190);
  return cubin + name;
}

enum Code { Ptx = 1, Cubin = 2 };

/// Packages and the driver that loads them.
class CudaTest : public testing::Test {
protected:
  KernelPlan plan;
  PackageWriter writer;
  std::string path;
  void *library = nullptr;
  decltype(&fakeCudaConfigure) configureFake = nullptr;
  decltype(&fakeCudaCalls) calls = nullptr;
  decltype(&fakeCudaStream) stream = nullptr;
  EinfallKernel *kernel = nullptr;
  unsigned capability = 80;

  void SetUp() override {
    EinfallDataType f32{EINFALL_FLOAT, 32, 1}, i32{EINFALL_INT, 32, 1};
    plan.name = "scale";
    plan.ranks = {{"m", {}}};
    plan.tensors = {{"X", f32, {0}, false}, {"Y", f32, {0}, true}};
    plan.params = {{"a", f32, false}, {"n", i32, true}};
    path = testing::TempDir() + "einfall-cuda-" +
           testing::UnitTest::GetInstance()->current_test_info()->name() +
           ".efk";
    useDriver(FAKE_CUDA_PATH);
  }
  void TearDown() override {
    einfall_kernel_unload(kernel);
    std::remove(path.c_str());
  }
  void useDriver(const char *driver) {
    setenv("EINFALL_CUDA_DRIVER", driver, 1);
    library = dlopen(driver, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    auto find = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
          dlsym(library, name));
      ASSERT_NE(function, nullptr) << name;
    };
    find(configureFake, "fakeCudaConfigure");
    find(calls, "fakeCudaCalls");
    find(stream, "fakeCudaStream");
  }

  void add(const std::string &name, const std::string &text, int code,
           std::vector<FixedExtent> fixed = {}) {
    emulated::DeviceImage image = test::buildImage(text);
    VersionPlan version;
    version.target = image.contents().target;
    version.entry = name;
    version.fixed = std::move(fixed);
    version.image =
        writer.add(PartKind::DeviceImage, emulated::write(image.contents()));
    if (code & Ptx)
      version.ptx = writer.add(PartKind::Ptx, "// PTX of " + name);
    if (code & Cubin)
      version.cubin = writer.add(PartKind::Cubin, cubinOf(name));
    plan.versions.push_back(version);
  }
  /// A version of two programs, for 64 elements or more.
  void addSteps(int leastOfSecond = 0) {
    add("into", stepProgram("into", true, 64), Cubin);
    emulated::DeviceImage image =
        test::buildImage(stepProgram("out", false, leastOfSecond));
    plan.versions.back().then = {
        {"out",
         writer.add(PartKind::DeviceImage, emulated::write(image.contents()))}};
  }
  void addUsual() {
    add("bulk", hopperProgram(), Ptx | Cubin);
    add("fast", program("fast", "sm_80", true, 0, 65536), Ptx | Cubin);
    add("general", program("general", "sm_80", false, 0.5, 0), Ptx | Cubin);
  }

  /// Writes the package, and loads its kernel on a device.
  EinfallStatus load(const std::string &settings = "",
                     const char *device = "cuda") {
    std::string bytes = writer.finish({"a test", {plan}});
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_TRUE(configureFake(("package=" + path +
                               ",capability=" + std::to_string(capability) +
                               (settings.empty() ? "" : "," + settings))
                                  .c_str()));
    einfall_kernel_unload(kernel);
    kernel = nullptr;
    return einfall_kernel_open(bytes.data(), bytes.size(), nullptr, device,
                               &kernel);
  }
  std::string refusal(const std::string &settings = "",
                      const char *device = "cuda") {
    EXPECT_NE(load(settings, device), EINFALL_OK);
    EXPECT_EQ(kernel, nullptr);
    return einfall_error_message();
  }

  /// Launches on m elements 1, 2, ...; the status, with results in `y`.
  EinfallStatus launch(int64_t m, void *on = nullptr, int id = 0) {
    cuda::Failure failure;
    auto device = cuda::Device::open(id, failure);
    std::vector<float> x(m);
    y.assign(m, -1);
    for (int64_t i = 0; i < m; ++i)
      x[i] = i + 1;
    auto xs = cuda::CudaMemory::allocate(device, 4 * m, failure);
    auto ys = cuda::CudaMemory::allocate(device, 4 * m, failure);
    if (!xs || !ys || xs->write(0, x.data(), 4 * m) ||
        ys->write(0, y.data(), 4 * m)) {
      ADD_FAILURE() << failure.text;
      return EINFALL_SYSTEM_ERROR;
    }
    EinfallTensor tx = einfall_tensor(xs->data(), "f32", 1, &m),
                  ty = einfall_tensor(ys->data(), "f32", 1, &m);
    tx.device = ty.device = {EINFALL_DEVICE_CUDA, id};
    EinfallNamedTensor tensors[] = {{"X", &tx}, {"Y", &ty}};
    EinfallNamedParam params[] = {{"a", 2}};
    EinfallArguments arguments = {tensors, 2, params, 1};
    workspace = 0;
    einfall_kernel_workspace(kernel, &arguments, &workspace);
    auto memory = cuda::CudaMemory::allocate(device, workspace + 1, failure);
    if (capture)
      configureFake(("package=" + path + ",capture=1").c_str());
    size_t given = workspace - shortBy;
    unsigned before = allocations;
    EinfallStatus status = einfall_kernel_launch(
        kernel, &arguments, workspace ? memory->data() : nullptr, given, on);
    allocated = allocations - before;
    if (capture)
      configureFake(("package=" + path).c_str());
    EXPECT_FALSE(status == EINFALL_OK && ys->read(0, y.data(), 4 * m));
    return status;
  }
  void expectResult(int64_t m, double extra) {
    ASSERT_EQ(launch(m), EINFALL_OK) << einfall_error_message();
    for (int64_t i = 0; i < m; ++i)
      ASSERT_EQ(y[i], 2 * (i + 1) + extra) << i;
  }

  std::vector<float> y;
  size_t workspace = 0, shortBy = 0; ///< bytes that were asked, or left out
  bool capture = false;
  unsigned allocated = 0;
};

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

} // namespace

//===----------------------------------------------------------------------===//
// Versions
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, TakesTheFirstVersionThatApplies) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 2u);
  expectResult(64, 0);
  expectResult(65, 0.5);
  EXPECT_EQ(calls("cuLaunchKernel"), 2u);
}

TEST_F(CudaTest, AsksForMuchSharedMemoryOnly) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  EXPECT_EQ(calls("cuFuncSetAttribute"), 1u);
}

TEST_F(CudaTest, DescribesTensorsToBulkCopies) {
  addUsual();
  capability = 90;
  ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
  expectResult(96, 0.25);
  EXPECT_EQ(calls("cuTensorMapEncodeTiled"), 1u);
  // The PTX of sm_80 serves what sm_90a does not take.
  expectResult(97, 0.5);
}

TEST_F(CudaTest, ChoosesCodeByCapability) {
  addUsual();
  for (auto [device, modules] :
       {std::pair(80u, 2u), {86u, 2u}, {89u, 2u}, {90u, 3u}, {100u, 2u}}) {
    capability = device;
    ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
    EXPECT_EQ(calls("cuModuleLoadDataEx"), modules) << device;
    expectResult(64, device == 90 ? 0.25 : 0);
  }
  capability = 75;
  EXPECT_EQ(refusal(),
            "kernel `scale` has no version for CUDA device 0 (Fake 0, compute "
            "capability 7.5): the package has sm_90a, sm_80");
}

TEST_F(CudaTest, CubinsServeTheirGenerationOnly) {
  add("general", program("general", "sm_80", false, 0, 0), Cubin);
  capability = 86;
  ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
  expectResult(40, 0);
  capability = 90;
  EXPECT_EQ(load(), EINFALL_MISSING);
}

TEST_F(CudaTest, TakesPtxWhereMachineCodeIsRefused) {
  addUsual();
  ASSERT_EQ(load("cubins=0"), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 4u);
  expectResult(64, 0);
  for (VersionPlan &version : plan.versions)
    version.ptx = 0;
  EXPECT_TRUE(contains(refusal("cubins=0"), "CUDA_ERROR_NO_BINARY_FOR_GPU"));
}

TEST_F(CudaTest, LoadsNothingThatIsNotReached) {
  add("general", program("general", "sm_80", false, 0.5, 0), Ptx);
  add("fast", program("fast", "sm_80", true, 0, 0), Ptx);
  ASSERT_EQ(load(), EINFALL_OK);
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 1u);
  expectResult(64, 0.5);
}

TEST_F(CudaTest, KeepsVersionsOfOtherExtents) {
  add("general", program("general", "sm_80", false, 0.5, 0), Ptx, {{0, 64}});
  add("other", program("other", "sm_80", false, 0, 0), Ptx, {{0, 96}});
  ASSERT_EQ(load(), EINFALL_OK);
  expectResult(64, 0.5);
  expectResult(96, 0);
  EXPECT_EQ(launch(32), EINFALL_NO_VERSION);
  EXPECT_STREQ(einfall_error_message(),
               "no version of kernel `scale` fits these arguments\n  sm_80: it "
               "was compiled for m = 64, the arguments have m = 32\n  sm_80: "
               "it was compiled for m = 96, the arguments have m = 32");
}

TEST_F(CudaTest, SaysThatNoVersionApplies) {
  add("fast", program("fast", "sm_80", true, 0, 0), Ptx);
  ASSERT_EQ(load(), EINFALL_OK);
  EXPECT_EQ(launch(33), EINFALL_NO_VERSION);
  EXPECT_TRUE(contains(einfall_error_message(),
                       "sm_80: its grid program refuses them"));
}

TEST_F(CudaTest, LeavesOutWhatDoesNotFit) {
  addUsual();
  ASSERT_EQ(load("shared=49152"), EINFALL_OK); // no room for `fast`
  expectResult(64, 0.5);
  plan.versions.resize(2);
  EXPECT_EQ(refusal("shared=49152"),
            "kernel `scale` has no version for CUDA device 0 (Fake 0, compute "
            "capability 8.0): the package has sm_90a, sm_80\n  sm_80: `fast` "
            "needs 65536 bytes of shared memory per block, CUDA device 0 (Fake "
            "0, compute capability 8.0) has 49152");
  EXPECT_TRUE(contains(refusal("threads=16"),
                       "`fast` has blocks of 32 threads, CUDA device 0 (Fake "
                       "0, compute capability 8.0) runs it with at most 16"));
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, LaunchesIntoACapturedStream) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  capture = true;
  ASSERT_EQ(launch(64, stream(0)), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(y[63], 128);
}

TEST_F(CudaTest, AllocatesNothing) {
  addUsual();
  for (unsigned device : {80u, 90u}) {
    capability = device;
    ASSERT_EQ(load("execute=0"), EINFALL_OK);
    ASSERT_EQ(launch(64), EINFALL_OK) << einfall_error_message();
    EXPECT_EQ(allocated, 0u);
  }
}

TEST_F(CudaTest, AnEmptyGridIsNoLaunch) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  EXPECT_EQ(launch(0), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(calls("cuLaunchKernel"), 0u);
}

TEST_F(CudaTest, UsesTheDeviceThatIsNamed) {
  addUsual();
  ASSERT_EQ(load("devices=2", "cuda:1"), EINFALL_OK);
  EXPECT_EQ(launch(64, stream(1), 1), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(launch(64, stream(0), 1), EINFALL_DEVICE_ERROR);
  EXPECT_STREQ(einfall_error_message(),
               "cuLaunchKernel fails with CUDA_ERROR_INVALID_HANDLE (400): "
               "what the fake driver refuses");
  EXPECT_EQ(launch(64, nullptr, 0), EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(refusal("devices=2", "cuda:2"),
            "there is no CUDA device 2; the driver has 2");
  EXPECT_EQ(refusal("", "cuda:x"),
            "`cuda:x` does not number a device, as `cuda:0`");
}

TEST_F(CudaTest, LaunchesProgramsOneAfterTheOther) {
  addSteps();
  add("general", program("general", "sm_80", false, 0.5, 0), Cubin);
  ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
  expectResult(64, 0.125);
  EXPECT_EQ(workspace, 256u);
  EXPECT_EQ(calls("cuLaunchKernel"), 2u);
  expectResult(63, 0.5);
  EXPECT_EQ(calls("cuLaunchKernel"), 3u);
  capture = true;
  ASSERT_EQ(launch(70, stream(0)), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(y[69], 140.125);
  capture = false;
  ASSERT_EQ(load("execute=0"), EINFALL_OK);
  ASSERT_EQ(launch(64), EINFALL_OK);
  EXPECT_EQ(allocated, 0u);
  shortBy = 1;
  EXPECT_EQ(launch(64), EINFALL_INVALID_ARGUMENT);
  EXPECT_STREQ(einfall_error_message(),
               "the workspace has 255 bytes, this launch needs 256");
}

TEST_F(CudaTest, RefusesSecondProgramsThatDoNotGoOn) {
  addSteps(/*leastOfSecond=*/100);
  ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
  EXPECT_EQ(launch(64), EINFALL_DEVICE_ERROR);
  EXPECT_STREQ(einfall_error_message(),
               "version into of kernel `scale` does not go on with these "
               "arguments");
  expectResult(100, 0.125);
  // One that has no workspace is none of the same version.
  emulated::DeviceImage other =
      test::buildImage(program("out", "sm_80", false, 0, 0));
  plan.versions[0].then[0].image =
      writer.add(PartKind::DeviceImage, emulated::write(other.contents()));
  EXPECT_TRUE(contains(refusal(), "do not share a workspace"));
}

TEST_F(CudaTest, LaunchesFromAnyThread) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  std::thread other([&] { expectResult(64, 0); });
  other.join();
}

TEST_F(CudaTest, RefusesMemoryOfTheHost) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  int64_t m = 4;
  float x[4], z[4];
  EinfallTensor tx = einfall_tensor(x, "f32", 1, &m),
                ty = einfall_tensor(z, "f32", 1, &m);
  EinfallNamedTensor tensors[] = {{"X", &tx}, {"Y", &ty}};
  EinfallNamedParam params[] = {{"a", 2}};
  EinfallArguments arguments = {tensors, 2, params, 1};
  EXPECT_EQ(einfall_kernel_run(kernel, &arguments), EINFALL_INVALID_ARGUMENT);
  EXPECT_STREQ(einfall_error_message(),
               "`X` lies in memory of the host, this kernel reads memory of "
               "CUDA device 0");
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

TEST_F(CudaTest, SaysThatThereIsNoDevice) {
  addUsual();
  EXPECT_EQ(refusal("devices=0"),
            "there is no CUDA device 0; the driver has 0");
  setenv("EINFALL_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
  EXPECT_EQ(load(), EINFALL_MISSING);
  EXPECT_EQ(std::string(einfall_error_message())
                .rfind("there is no CUDA driver: /nowhere/libcuda.so.1: ", 0),
            0u);
}

TEST_F(CudaTest, NeedsMapsForTheirKernelsOnly) {
  useDriver(FAKE_CUDA_11_PATH);
  addUsual();
  capability = 90;
  ASSERT_EQ(load(), EINFALL_OK) << einfall_error_message();
  expectResult(64, 0);
  plan.versions.resize(1);
  EXPECT_EQ(load(), EINFALL_MISSING);
  EXPECT_TRUE(contains(einfall_error_message(),
                       "has no cuTensorMapEncodeTiled; one of CUDA 12.0 or "
                       "later is needed"));
}

// Whatever call fails, the status says so, with the name of the error.
TEST_F(CudaTest, ReturnsEveryError) {
  addUsual();
  capability = 90;
  for (const char *symbol :
       {"cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName",
        "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain", "cuCtxGetCurrent",
        "cuCtxPushCurrent_v2", "cuModuleLoadDataEx", "cuModuleGetFunction",
        "cuFuncGetAttribute", "cuFuncSetAttribute"}) {
    EXPECT_EQ(load("fail=" + std::string(symbol) + ":2"), EINFALL_DEVICE_ERROR)
        << symbol;
    EXPECT_TRUE(contains(einfall_error_message(),
                         "fails with CUDA_ERROR_OUT_OF_MEMORY (2): out of "
                         "memory"))
        << symbol << ": " << einfall_error_message();
    EXPECT_EQ(kernel, nullptr);
  }
  for (const char *symbol : {"cuLaunchKernel", "cuTensorMapEncodeTiled"}) {
    ASSERT_EQ(load("fail=" + std::string(symbol) + ":12345"), EINFALL_OK);
    EXPECT_EQ(launch(64), EINFALL_DEVICE_ERROR) << symbol;
    EXPECT_EQ(std::string(einfall_error_message())
                  .rfind(std::string(symbol) +
                             " fails with an unknown error (12345): what the "
                             "fake driver refuses",
                         0),
              0u)
        << einfall_error_message();
  }
}

TEST_F(CudaTest, ShowsTheLogOfTheCompiler) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  // The driver does not know this.
  plan.versions.clear();
  add("later", program("later", "sm_80", false, 0, 0), Ptx);
  std::string bytes = writer.finish({"a test", {plan}});
  EinfallKernel *other = nullptr;
  EXPECT_EQ(
      einfall_kernel_open(bytes.data(), bytes.size(), nullptr, "cuda", &other),
      EINFALL_DEVICE_ERROR);
  EXPECT_STREQ(einfall_error_message(),
               "kernel `scale` (sm_80) is not loaded on CUDA device 0 (Fake 0, "
               "compute capability 8.0): cuModuleLoadDataEx fails with "
               "CUDA_ERROR_INVALID_PTX (218): what the fake driver refuses\n"
               "ptxas fatal: this is not in the package");
}

TEST_F(CudaTest, RefusesForeignCodeItself) {
  auto check = [&](PartKind kind, const std::string &code,
                   const std::string &text) {
    plan.versions.clear();
    add("general", program("general", "sm_80", false, 0, 0), Ptx);
    plan.versions[0].cubin = writer.add(kind, code);
    EXPECT_NE(load(), EINFALL_OK);
    EXPECT_TRUE(contains(einfall_error_message(), text))
        << einfall_error_message();
    EXPECT_EQ(calls("cuModuleLoadDataEx"), 0u);
  };
  check(PartKind::Cubin, "no cubin", "the cubin is no 64-bit ELF file");
  std::string host = cubinOf("x"), cut = cubinOf("x");
  host[18] = 62;
  check(PartKind::Cubin, host, "the cubin is not for CUDA");
  cut[40] = 100; // section headers beyond the end
  check(PartKind::Cubin, cut, "the cubin is cut");
  check(PartKind::Ptx, "x", "is no cubin but a PTX");
}

TEST_F(CudaTest, RefusesImagesOfOthers) {
  addUsual();
  plan.params.pop_back();
  EXPECT_EQ(load(), EINFALL_INVALID_PACKAGE);
  EXPECT_TRUE(contains(einfall_error_message(),
                       "it takes 9 parameters, the plan has 7"));
  SetUp();
  plan.versions[1].target = "sm_86";
  capability = 86;
  EXPECT_EQ(load(), EINFALL_INVALID_PACKAGE);
  EXPECT_TRUE(contains(einfall_error_message(),
                       "it is for sm_80, the plan says sm_86"));
}

// What has right hashes but was not made by us: refused, or launched as what it
// is; the driver is asked for nothing that it refuses for its form.
TEST_F(CudaTest, HostileGridsDoNoHarm) {
  std::mt19937 random(11);
  unsigned launched = 0;
  capability = 90;
  for (unsigned round = 0; round < 400; ++round) {
    plan.versions.clear();
    writer = PackageWriter();
    std::string error;
    emulated::Image image = test::buildImage(hopperProgram()).contents();
    emulated::Program &grid = image.grid;
    emulated::Instruction &inst = grid.code[random() % grid.code.size()];
    switch (random() % 7) {
    case 0:
      inst.opcode = emulated::Opcode(random() % emulated::opcodeCount);
      break;
    case 1:
      inst.sub = random() % 4 ? random() % 20 : random();
      break;
    case 2:
      inst.immediate = random() % 4 ? random() % 70 : random();
      break;
    case 3:
      grid.operands[random() % grid.operands.size()] =
          random() % (grid.words + 4);
      break;
    case 4:
      grid.code.erase(grid.code.begin() + random() % grid.code.size());
      break;
    case 5:
      image.maps[0].box[random() % 5] = random() % 300;
      image.maps[0].swizzle = 32 << random() % 4;
      break;
    case 6:
      image.maps.resize(random() % 40);
      break;
    }
    VersionPlan version;
    version.target = image.target;
    version.entry = "bulk";
    version.image = writer.add(PartKind::DeviceImage, emulated::write(image));
    version.ptx = writer.add(PartKind::Ptx, "// PTX");
    plan.versions.push_back(version);
    if (load("execute=0") == EINFALL_OK) {
      EinfallStatus status = launch(64);
      launched += status == EINFALL_OK;
      EXPECT_TRUE(status == EINFALL_OK || status == EINFALL_DEVICE_ERROR ||
                  status == EINFALL_NO_VERSION)
          << status;
    } else {
      EXPECT_STRNE(einfall_error_message(), "");
    }
  }
  EXPECT_GT(launched, 20u);
}

TEST_F(CudaTest, GivesBackWhatItTook) {
  addUsual();
  ASSERT_EQ(load(), EINFALL_OK);
  unsigned loaded = calls("cuModuleLoadDataEx");
  einfall_kernel_unload(kernel);
  kernel = nullptr;
  EXPECT_EQ(calls("cuModuleUnload"), loaded);
  EXPECT_EQ(calls("cuDevicePrimaryCtxRelease_v2"),
            calls("cuDevicePrimaryCtxRetain"));
  cuda::Failure failure;
  auto device = cuda::Device::open(0, failure);
  ASSERT_TRUE(device);
  configureFake("memory=1000");
  EXPECT_FALSE(cuda::CudaMemory::allocate(device, 1001, failure));
  EXPECT_EQ(failure.text, "cuMemAlloc fails with CUDA_ERROR_OUT_OF_MEMORY (2): "
                          "out of memory (1001 bytes)");
}
