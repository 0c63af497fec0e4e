//===- PackageTest.cpp - Packages survive nothing but themselves ----------===//

#include "SamplePlan.h"

#include "runtime/core/Hash.h"

#include <gtest/gtest.h>

using namespace einfall::runtime;

static Status read(std::string bytes) {
  std::shared_ptr<const Package> package;
  Status status = Package::read(std::move(bytes), package);
  EXPECT_EQ(status.ok(), package != nullptr);
  return status;
}

TEST(Hash, IsThePublishedOne) {
  EXPECT_EQ(xxh64(""), 0xef46db3751d8e999u);
  EXPECT_EQ(xxh64("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(xxh64("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(xxh64("Nobody inspects the spammish repetition"),
            0xfbcea83c8a378bf1u);
}

TEST(Package, IsReadAsWritten) {
  std::shared_ptr<const Package> package;
  ASSERT_TRUE(Package::read(samplePackage(), package).ok());
  EXPECT_EQ(encode(package->plan()), encode({"a test", {sampleKernel()}}));
  ASSERT_EQ(package->parts().size(), 2u);
  EXPECT_EQ(package->parts()[1].bytes, std::string(70, 'x'));
  EXPECT_EQ(package->parts()[1].offset % 64, 0u);
}

TEST(Package, IsDescribed) {
  std::shared_ptr<const Package> package;
  ASSERT_TRUE(Package::read(samplePackage(), package).ok());
  std::string text = package->describe();
  for (const char *line :
       {"kernel sample\n", "  input X[p, e]: f32\n", "  output Y[p, c]: f32\n",
        "  param n: i32\n", "  param s: f32, has a default\n",
        "  rank c = -(-|e| / 4)\n", "  assumes monotone(X)\n",
        "  requires n < 3 * |c|\n", "  version cpu: loops\n",
        "    needs sparc with vis3\n", "    needs e = 8\n",
        "    host library: part 1, 70 bytes at "})
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
}

TEST(Package, RefusesEveryTruncation) {
  std::string whole = samplePackage();
  for (size_t size = 0; size < whole.size(); ++size) {
    Status status = read(whole.substr(0, size));
    ASSERT_EQ(status.code, EINFALL_INVALID_PACKAGE) << size;
    const char *expected = size < 8 ? "are no package" : "is truncated";
    ASSERT_NE(status.text.find(expected), std::string::npos) << status.text;
  }
}

TEST(Package, RefusesEveryFlippedBit) {
  std::string whole = samplePackage();
  for (size_t byte = 0; byte < whole.size(); ++byte)
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string broken = whole;
      broken[byte] ^= 1 << bit;
      Status status = read(broken);
      ASSERT_EQ(status.code, EINFALL_INVALID_PACKAGE) << byte << ", " << bit;
      ASSERT_FALSE(status.text.empty());
    }
}

TEST(Package, SaysWhatIsWrong) {
  std::string whole = samplePackage();
  EXPECT_NE(read("\x7f"
                 "ELF and so on")
                .text.find("are no package"),
            std::string::npos);
  EXPECT_NE(read(whole + "x").text.find("is too long"), std::string::npos);
  std::string later = whole;
  later[8] = 5;
  EXPECT_NE(read(later).text.find("has version 5 of the format"),
            std::string::npos);
  std::string broken = whole;
  broken.back() = 'y';
  EXPECT_NE(
      read(broken).text.find("part 1 of the package (host library, bytes "),
      std::string::npos);
}

/// A plan whose hashes are right and whose content is not.
static std::string unsound(void (*change)(KernelPlan &)) {
  KernelPlan kernel = sampleKernel();
  change(kernel);
  PackageWriter writer;
  writer.add(PartKind::HostLibrary, "x");
  return read(writer.finish({"a test", {kernel}})).text;
}

TEST(Package, RefusesUnsoundPlans) {
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.tensors[0].dims[0] = 9;
            }).find("`X` has a rank that is not there"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.versions[0].image = 2;
            }).find("names a part that is not there"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.versions[0].then = {{"later", 2}};
            }).find("names a part that is not there"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.versions[0].then.resize(maxPrograms, {"later", 1});
            }).find("is damaged"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.versions[0].fixed[0].rank = 3;
            }).find("fixes a rank that is not there"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.ranks[2].extent = {{Step::Extent, 0}, {Step::Extent, 0}};
            }).find("the extent of rank `c` is no expression"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.ranks[2].extent = {{Step::Add, 0}};
            }).find("is no expression"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.preconditions[1].steps.pop_back();
            }).find("the precondition `n < 3 * |c|` is no condition"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.tensors[0].type.bits = 4;
            }).find("are no bytes"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.tensors[0].isOutput = true, k.tensors[1].isOutput = false;
            }).find("comes after an output"),
            std::string::npos);
  EXPECT_NE(unsound([](KernelPlan &k) {
              k.tensors.resize(maxTensors + 1, k.tensors[1]);
            }).find("is damaged at its byte"),
            std::string::npos);
}

TEST(Package, CarriesItsSource) {
  PackageWriter writer;
  writer.add(PartKind::HostLibrary, "x");
  Plan plan{"a test", {sampleKernel()}};
  plan.source = writer.add(PartKind::Source, "kernel sample");
  plan.sourceName = "sample.ein";
  std::shared_ptr<const Package> package;
  ASSERT_TRUE(Package::read(writer.finish(plan), package).ok());
  EXPECT_EQ(package->parts()[package->plan().source].bytes, "kernel sample");
  EXPECT_NE(package->describe().find("source sample.ein: part 2, 13 bytes at "),
            std::string::npos);
  plan.source = 3;
  EXPECT_NE(read(writer.finish(plan))
                .text.find("its source is a part that is not there"),
            std::string::npos);
}

TEST(Expression, IsEvaluatedWithoutOverflow) {
  int64_t extents[] = {5, -7};
  auto value = [&](Expression e) { return evaluate(e, extents); };
  Step a{Step::Extent, 0}, b{Step::Extent, 1};
  EXPECT_EQ(value({b, a, {Step::FloorDiv, 0}}), -2);
  EXPECT_EQ(value({b, a, {Step::Mod, 0}}), 3);
  EXPECT_EQ(value({a, b, {Step::Max, 0}}), 5);
  EXPECT_EQ(value({a, b, {Step::Sub, 0}}), 12);
  EXPECT_EQ(value({a, {Step::Constant, 0}, {Step::Mod, 0}}), std::nullopt);
  EXPECT_EQ(value({a, {Step::Constant, INT64_MAX}, {Step::Mul, 0}}),
            std::nullopt);
}
