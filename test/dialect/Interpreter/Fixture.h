//===- Fixture.h - Kernels from text for the interpreter's tests ----------===//

#ifndef EINFALL_TEST_DIALECT_INTERPRETER_FIXTURE_H
#define EINFALL_TEST_DIALECT_INTERPRETER_FIXTURE_H

#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <cmath>
#include <deque>
#include <limits>

namespace einfall::interpreter {

constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();
constexpr float inf = std::numeric_limits<float>::infinity();

class InterpreterTest : public ::testing::Test {
protected:
  InterpreterTest() {
    context.loadDialect<cascade::CascadeDialect>();
    context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diag) {
      messages += diag.str() + "\n";
      for (mlir::Diagnostic &note : diag.getNotes())
        messages += "note: " + note.str() + "\n";
    });
  }

  /// The kernel `name` of a module, or the only one.
  cascade::KernelOp parse(llvm::StringRef text, llvm::StringRef name = "") {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      ADD_FAILURE() << messages;
      return nullptr;
    }
    for (auto kernel : module->getOps<cascade::KernelOp>())
      if (name.empty() || kernel.getSymName() == name)
        return kernel;
    return nullptr;
  }

  /// Passes f32 values; the storage lives as long as the fixture.
  void input(llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
             std::vector<float> values) {
    auto &kept = storage.emplace_back(std::move(values));
    arguments.inputs[name] = {kept.data(), Element::F32,
                              llvm::SmallVector<int64_t>(shape),
                              Tensor::denseStrides(shape)};
  }

  /// All values of an output; empty with a test failure on an error.
  std::vector<double> run(cascade::KernelOp kernel, llvm::StringRef output,
                          Options options = {}) {
    if (!kernel)
      return {};
    auto interpreter = Interpreter::create(kernel, arguments, options);
    if (failed(interpreter)) {
      ADD_FAILURE() << messages;
      return {};
    }
    auto values = interpreter->evaluateAll(interpreter->getOutput(output));
    if (failed(values)) {
      ADD_FAILURE() << messages;
      return {};
    }
    return *values;
  }

  /// Runs a kernel whose body stands between the braces.
  std::vector<double> run(llvm::StringRef body, llvm::StringRef output = "Y") {
    return run(parse(("cascade.kernel @k {\n" + body + "\n}").str()), output);
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Arguments arguments;
  std::deque<std::vector<float>> storage;
  std::string messages;
};

/// Equal numbers, NaN equal to NaN.
inline void expectSame(const std::vector<double> &found,
                       const std::vector<double> &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(found[i])) << "at " << i << ": " << found[i];
    else
      EXPECT_EQ(found[i], expected[i]) << "at " << i;
}

} // namespace einfall::interpreter

#endif // EINFALL_TEST_DIALECT_INTERPRETER_FIXTURE_H
