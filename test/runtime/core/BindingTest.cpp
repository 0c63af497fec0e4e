//===- BindingTest.cpp - What a launch takes and refuses ------------------===//

#include "SamplePlan.h"

#include "runtime/core/Binding.h"

#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace einfall::runtime;

static thread_local unsigned allocations = 0;

void *operator new(size_t size) {
  ++allocations;
  return std::malloc(size ? size : 1);
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

/// X of 3 by 8 and Y of 3 by 2, all sound; tests break one thing.
class BindingTest : public testing::Test {
protected:
  static constexpr EinfallDevice host = {EINFALL_DEVICE_HOST, 0};
  static constexpr EinfallDataType f32 = {EINFALL_FLOAT, 32, 1};
  KernelPlan plan = sampleKernel();
  float memory[64] = {};
  int64_t xShape[2] = {3, 8}, yShape[2] = {3, 2};
  EinfallTensor x = {memory, host, 2, f32, xShape, nullptr, 0};
  EinfallTensor y = {memory + 24, host, 2, f32, yShape, nullptr, 0};
  std::vector<EinfallNamedTensor> tensors = {{"Y", &y}, {"X", &x}};
  std::vector<EinfallNamedParam> params = {{"n", 2}};
  Binding binding;

  Status bind(bool withData = true) {
    EinfallArguments arguments = {tensors.data(), tensors.size(), params.data(),
                                  params.size()};
    return binding.bind(plan, arguments, withData);
  }
  std::string refusal() {
    Status status = bind();
    EXPECT_EQ(status.code, EINFALL_INVALID_ARGUMENT);
    return status.text;
  }
};

TEST_F(BindingTest, GivesWhatKernelsRead) {
  ASSERT_TRUE(bind().ok());
  EXPECT_EQ(binding.data[0], memory);
  EXPECT_EQ(binding.data[1], memory + 24);
  EXPECT_EQ(std::vector(binding.strides, binding.strides + 4),
            (std::vector<int64_t>{8, 1, 2, 1}));
  EXPECT_EQ(std::vector(binding.extents, binding.extents + 3),
            (std::vector<int64_t>{3, 8, 2}));
  EXPECT_EQ(*binding.params[0], 2);
  EXPECT_EQ(binding.params[1], nullptr);
  EXPECT_EQ(binding.ranges[0].bytes, 96u);
  EXPECT_TRUE(binding.fits(plan, plan.versions[0]).ok());
}

TEST_F(BindingTest, ChecksPreconditions) {
  params[0].value = 5;
  EXPECT_TRUE(bind().ok());
  params[0].value = 6;
  EXPECT_EQ(refusal(), "kernel `sample` requires n < 3 * |c|; here n = 6, "
                       "|c| = 2");
  // A workspace is not asked for in vain either.
  EXPECT_FALSE(bind(/*withData=*/false).ok());
  plan.preconditions.pop_back();
  EXPECT_TRUE(bind().ok());
}

TEST_F(BindingTest, AllocatesNothing) {
  plan.ranks[0].name = plan.tensors[0].name = std::string(100, 'X');
  tensors[1].name = plan.tensors[0].name.c_str();
  unsigned before = allocations;
  bool good = bind().ok() && binding.fits(plan, plan.versions[0]).ok();
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(good);
}

TEST_F(BindingTest, TakesReversedInputs) {
  int64_t strides[] = {-8, -1};
  x.strides = strides;
  x.byte_offset = 23 * 4;
  ASSERT_TRUE(bind().ok());
  EXPECT_EQ(binding.data[0], memory + 23);
  EXPECT_EQ(binding.ranges[0].begin, reinterpret_cast<char *>(memory));
  EXPECT_EQ(binding.ranges[0].bytes, 96u);
}

TEST_F(BindingTest, NeedsNoDataForTheWorkspace) {
  x.data = y.data = nullptr;
  EXPECT_TRUE(bind(/*withData=*/false).ok());
  EXPECT_EQ(refusal(), "`X` has no data");
}

TEST_F(BindingTest, SaysWhichFixedExtentDiffers) {
  xShape[1] = 7;
  ASSERT_TRUE(bind().ok());
  Status status = binding.fits(plan, plan.versions[0]);
  EXPECT_EQ(status.code, EINFALL_NO_VERSION);
  EXPECT_EQ(status.text, "it was compiled for e = 8, the arguments have e = 7");
}

TEST_F(BindingTest, RefusesNames) {
  tensors[0].name = "Z";
  EXPECT_EQ(refusal(), "kernel `sample` has no tensor `Z`; it has X, Y");
  tensors[0].name = nullptr;
  EXPECT_EQ(refusal(), "kernel `sample` has no tensor `(null)`; it has X, Y");
  tensors[0].name = "X";
  EXPECT_EQ(refusal(), "`X` is given twice");
  tensors.pop_back();
  EXPECT_EQ(refusal(), "output `Y` is not given");
  tensors[0] = {"X", nullptr};
  EXPECT_EQ(refusal(), "`X` is a null pointer");
}

TEST_F(BindingTest, RefusesTensors) {
  x.ndim = 3;
  EXPECT_EQ(refusal(),
            "`X` is given with 3 dimensions, the kernel has 2: [p, e]");
  x.ndim = 2;
  x.dtype = {EINFALL_BFLOAT, 16, 1};
  EXPECT_EQ(refusal(), "`X` is given as bf16, the kernel has f32; "
                       "convert its elements first");
  x.dtype = {EINFALL_FLOAT, 32, 4};
  EXPECT_EQ(refusal(),
            "`X` is given as f32, in groups of 4, the kernel has f32; "
            "convert its elements first");
  x.dtype = f32;
  x.device.device_type = 2;
  EXPECT_EQ(refusal(), "`X` lies in memory of CUDA device 0, this kernel reads "
                       "memory of the host");
  x.device = host;
  x.byte_offset = 2;
  EXPECT_EQ(refusal(), "`X` is not aligned to its elements of 4 bytes");
  x.byte_offset = 0;
  x.shape = nullptr;
  EXPECT_EQ(refusal(), "`X` has no shape");
}

TEST_F(BindingTest, KnowsTheMemoryOfADevice) {
  auto status = [&](int32_t type, int32_t id) {
    x.device = y.device = {type, id};
    EinfallArguments arguments = {tensors.data(), tensors.size(), params.data(),
                                  params.size()};
    return binding.bind(plan, arguments, true, {EINFALL_DEVICE_CUDA, 1}).text;
  };
  EXPECT_EQ(status(EINFALL_DEVICE_CUDA, 1), "");
  EXPECT_EQ(status(EINFALL_DEVICE_CUDA_HOST, 0), "");
  EXPECT_EQ(status(EINFALL_DEVICE_CUDA_MANAGED, 0), "");
  EXPECT_EQ(status(EINFALL_DEVICE_CUDA, 0),
            "`X` lies in memory of CUDA device 0, this kernel reads memory of "
            "CUDA device 1");
  EXPECT_EQ(status(EINFALL_DEVICE_HOST, 0),
            "`X` lies in memory of the host, this kernel reads memory of CUDA "
            "device 1");
  EXPECT_EQ(status(10, 0), "`X` lies in memory of device type 10, this kernel "
                           "reads memory of CUDA device 1");
}

TEST_F(BindingTest, RefusesShapes) {
  yShape[0] = 4;
  EXPECT_EQ(refusal(), "rank `p` has extent 3 in X but 4 in Y");
  yShape[0] = 3;
  yShape[1] = 3;
  EXPECT_EQ(refusal(), "rank `c` has extent 3 in Y but 2 by its definition");
  xShape[0] = -1;
  EXPECT_EQ(refusal(), "rank `p` has extent -1 in X");
}

TEST_F(BindingTest, RefusesOutputsThatShareMemory) {
  int64_t strides[] = {1, 1};
  y.strides = strides;
  EXPECT_EQ(refusal(), "the strides of output `Y` are negative or let elements "
                       "share memory");
  y.strides = nullptr;
  y.data = memory + 23;
  EXPECT_EQ(refusal(), "output `Y` overlaps `X`");
}

TEST_F(BindingTest, RefusesParameters) {
  params = {};
  EXPECT_EQ(refusal(), "parameter `n` has no default and is not given");
  params = {{"m", 1}};
  EXPECT_EQ(refusal(), "kernel `sample` has no parameter `m`; it has n, s");
  params = {{"n", 1}, {"n", 1}};
  EXPECT_EQ(refusal(), "parameter `n` is given twice");
  for (double value : {1.5, 2147483648.0, std::nan("")}) {
    params = {{"n", value}};
    EXPECT_NE(refusal().find(", the kernel has i32"), std::string::npos);
  }
}

} // namespace
