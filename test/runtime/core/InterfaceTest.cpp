//===- InterfaceTest.cpp - The C interface refuses what it must -----------===//

#include "SamplePlan.h"

#include "runtime/core/HostFeatures.h"

#include <gtest/gtest.h>

using namespace einfall::runtime;

static std::string message() { return einfall_error_message(); }

TEST(Interface, RefusesNullPointers) {
  EinfallPackage *package = nullptr;
  EinfallKernel *kernel = nullptr;
  size_t bytes;
  EXPECT_EQ(einfall_package_open(nullptr, &package), EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "path is a null pointer");
  EXPECT_EQ(einfall_package_open_memory("x", 1, nullptr),
            EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(einfall_kernel_load(nullptr, "k", "cpu", &kernel),
            EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(einfall_kernel_workspace(nullptr, nullptr, &bytes),
            EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(einfall_kernel_launch(nullptr, nullptr, nullptr, 0, nullptr),
            EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(einfall_package_kernel_count(nullptr), 0u);
  einfall_package_close(nullptr);
  einfall_kernel_unload(nullptr);
}

TEST(Interface, SaysWhatIsNotThere) {
  EinfallPackage *package = nullptr;
  EXPECT_EQ(einfall_package_open("/nowhere/k.efk", &package),
            EINFALL_SYSTEM_ERROR);
  EXPECT_EQ(message(), "cannot read /nowhere/k.efk: No such file or directory");
  std::string bytes = samplePackage();
  ASSERT_EQ(einfall_package_open_memory(bytes.data(), bytes.size(), &package),
            EINFALL_OK);
  EXPECT_STREQ(einfall_package_kernel_name(package, 0), "sample");
  EXPECT_EQ(einfall_package_kernel_name(package, 1), nullptr);
  EinfallKernel *kernel = nullptr;
  auto load = [&](const char *name, const char *device) {
    return einfall_kernel_load(package, name, device, &kernel);
  };
  EXPECT_EQ(load("simple", "cpu"), EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "the package has no kernel `simple`; it has sample");
  EXPECT_EQ(load(nullptr, "gpu"), EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(load(nullptr, "cpu:0"), EINFALL_INVALID_ARGUMENT);
  EXPECT_EQ(load(nullptr, "cuda"), EINFALL_MISSING);
  EXPECT_EQ(load(nullptr, "emulated:sm_80"), EINFALL_MISSING);
  EXPECT_EQ(message(), "kernel `sample` has no version for sm_80: the "
                       "package has cpu");
  // Another processor's code is not even opened.
  EXPECT_EQ(load(nullptr, "cpu"), EINFALL_MISSING);
  EXPECT_EQ(message(), "kernel `sample` has no version for this processor\n  a "
                       "version needs sparc, which this processor is not");
  EXPECT_EQ(kernel, nullptr);
  einfall_package_close(package);
}

TEST(Interface, MakesDenseTensors) {
  int64_t shape[] = {3, 4};
  float data[12];
  EinfallTensor tensor = einfall_tensor(data, "f32", 2, shape);
  EXPECT_EQ(tensor.data, data);
  EXPECT_EQ(tensor.device.device_type, EINFALL_DEVICE_HOST);
  EXPECT_EQ(tensor.ndim, 2);
  EXPECT_EQ(tensor.shape, shape);
  EXPECT_EQ(tensor.strides, nullptr);
  for (const char *name :
       {"bf16", "f16", "f32", "f64", "f8e4m3", "f8e5m2", "i8", "i16", "i32",
        "i64", "u8", "u16", "u32", "bool"}) {
    EinfallDataType type = einfall_tensor(data, name, 2, shape).dtype;
    EXPECT_EQ(typeName(type), name);
    EXPECT_EQ(type.lanes, 1);
  }
  EXPECT_EQ(einfall_tensor(data, "float", 2, shape).dtype.bits, 0);
  EXPECT_EQ(einfall_tensor(data, nullptr, 2, shape).dtype.bits, 0);
}

/// Loads a kernel for the CPU whose version needs `features` of this
/// architecture and whose code is no code.
static EinfallStatus loadBroken(std::vector<std::string> features) {
  KernelPlan plan = sampleKernel();
  plan.versions[0].architecture = hostArchitecture();
  plan.versions[0].features = std::move(features);
  PackageWriter writer;
  writer.add(PartKind::HostLibrary, std::string(70, 'x'));
  std::string bytes = writer.finish({"a test", {plan}});
  EinfallPackage *package = nullptr;
  EinfallKernel *kernel = nullptr;
  EXPECT_EQ(einfall_package_open_memory(bytes.data(), bytes.size(), &package),
            EINFALL_OK);
  EinfallStatus status = einfall_kernel_load(package, nullptr, "cpu", &kernel);
  EXPECT_EQ(kernel, nullptr);
  einfall_package_close(package);
  return status;
}

TEST(Interface, RefusesALesserProcessor) {
  EXPECT_EQ(loadBroken({"vis3"}), EINFALL_MISSING);
  EXPECT_EQ(message(), "kernel `sample` has no version for this processor\n  a "
                       "version needs vis3, which this processor lacks");
}

TEST(Interface, SaysWhatTheLoaderSays) {
  EXPECT_EQ(loadBroken({}), EINFALL_SYSTEM_ERROR);
  EXPECT_NE(message().find("the host library cannot be loaded: "),
            std::string::npos);
}
