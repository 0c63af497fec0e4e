//===- MeaningTest.cpp - Derivation preserves what kernels mean -----------===//
//
// Every kernel of this folder's .mlir files is evaluated by the reference
// interpreter as written and as derived, on random inputs of several patterns.
//
//===----------------------------------------------------------------------===//

#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Random.h"
#include "passes/Derive/Derive.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;

namespace {

class MeaningTest : public testing::TestWithParam<std::string> {};

void compare(cascade::KernelOp written, cascade::KernelOp derived,
             interpreter::Pattern pattern, uint64_t seed) {
  RandomOptions options;
  options.pattern = pattern;
  options.seed = seed;
  FailureOr<RandomArguments> arguments =
      RandomArguments::make(written, {}, options);
  ASSERT_TRUE(succeeded(arguments));
  FailureOr<Interpreter> before =
      Interpreter::create(written, arguments->arguments);
  FailureOr<Interpreter> after =
      Interpreter::create(derived, arguments->arguments);
  ASSERT_TRUE(succeeded(before) && succeeded(after));
  for (auto output : written.getBody().getOps<cascade::OutputOp>()) {
    auto expected = before->evaluateAll(output);
    auto found = after->evaluateAll(after->getOutput(output.getName()));
    ASSERT_TRUE(succeeded(expected) && succeeded(found));
    ASSERT_EQ(expected->size(), found->size());
    double scale = 1e-300;
    for (double value : *expected)
      if (std::isfinite(value))
        scale = std::max(scale, std::abs(value));
    for (size_t i = 0; i < expected->size(); ++i) {
      double a = (*expected)[i], b = (*found)[i];
      // Where the cascade as written leaves the range of f64, derivation may
      // stay inside it.
      if (!std::isfinite(a))
        continue;
      EXPECT_LE(std::abs(a - b), 1e-9 * scale)
          << written.getSymName().str() << " output " << output.getName().str()
          << " value " << i << ": written " << a << ", derived " << b;
    }
  }
}

TEST_P(MeaningTest, WrittenAndDerivedAgree) {
  auto file = llvm::MemoryBuffer::getFile(GetParam());
  ASSERT_TRUE(bool(file));
  MLIRContext context;
  context.loadDialect<cascade::CascadeDialect>();
  SmallVector<StringRef> parts;
  (*file)->getBuffer().split(parts, "// -----\n");
  for (StringRef part : parts) {
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>(part, ParserConfig(&context));
    ASSERT_TRUE(bool(module));
    OwningOpRef<ModuleOp> copy = module->clone();
    for (auto written : module->getOps<cascade::KernelOp>()) {
      SCOPED_TRACE(written.getSymName().str());
      auto derived =
          copy->lookupSymbol<cascade::KernelOp>(written.getSymName());
      DerivationLog log;
      ASSERT_TRUE(succeeded(deriveKernel(derived, log)));
      for (uint64_t seed : {1, 2, 3}) {
        compare(written, derived, interpreter::Pattern::Normal, seed);
        compare(written, derived, interpreter::Pattern::Peaky, seed);
      }
      compare(written, derived, interpreter::Pattern::Coded, 1);
      compare(written, derived, interpreter::Pattern::Constant, 1);
    }
  }
}

std::vector<std::string> files() {
  std::vector<std::string> paths;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator
           it(EINFALL_SOURCE_DIR "/test/passes/Derive", error),
       end;
       it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".mlir")
      paths.push_back(it->path());
  llvm::sort(paths);
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Files, MeaningTest, testing::ValuesIn(files()),
                         [](const auto &info) {
                           std::string name =
                               llvm::sys::path::stem(info.param).str();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
