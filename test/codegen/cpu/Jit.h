//===- Jit.h - Compile a kernel in a test and run it ------------*- C++ -*-===//

#ifndef EINFALL_TEST_CODEGEN_CPU_JIT_H
#define EINFALL_TEST_CODEGEN_CPU_JIT_H

#include "codegen/cpu/CpuModule.h"
#include "codegen/cpu/LowerToLLVM.h"
#include "dialect/Cascade/KernelInterface.h"
#include "passes/Lower/CascadeToLoops.h"
#include "passes/Lower/FoldToRows.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <functional>
#include <gtest/gtest.h>

namespace einfall {

class JitTest : public ::testing::Test {
protected:
  JitTest() {
    context.loadDialect<cascade::CascadeDialect, mlir::arith::ArithDialect,
                        mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::scf::SCFDialect, mlir::LLVM::LLVMDialect,
                        mlir::vector::VectorDialect>();
  }

  /// Compiles the one kernel of `source`, called "k".
  void compile(llvm::StringRef source) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(source, &context);
    ASSERT_TRUE(module);
    mlir::PassManager pm(&context);
    lower(pm);
    cpu::addLowerToLLVM(pm);
    ASSERT_TRUE(succeeded(pm.run(*module)));
    auto object = cpu::compileObject(*module, options);
    ASSERT_TRUE(static_cast<bool>(object)) << toString(object.takeError());
    auto loaded = cpu::CpuModule::load(std::move(*object));
    ASSERT_TRUE(static_cast<bool>(loaded)) << toString(loaded.takeError());
    code = std::move(*loaded);
    auto found = code->lookup("k");
    ASSERT_TRUE(static_cast<bool>(found)) << toString(found.takeError());
    kernel = *found;
  }

  /// Runs on two threads; all arrays are in the order of the kernel. The
  /// workspace arrives full of NaN.
  void run(llvm::ArrayRef<void *> data, llvm::ArrayRef<int64_t> strides,
           llvm::ArrayRef<int64_t> extents,
           llvm::ArrayRef<const double *> params = {}) {
    EinfallCpuArguments arguments{data.data(), strides.data(), extents.data(),
                                  params.data()};
    cpu::CpuExecutor executor(2);
    std::vector<char> workspace(executor.workspaceSize(kernel, arguments) + 64,
                                '\xff');
    auto address = reinterpret_cast<uintptr_t>(workspace.data());
    executor.launch(kernel, arguments,
                    reinterpret_cast<void *>((address + 63) / 64 * 64));
  }

  mlir::MLIRContext context;
  /// Adds the lowering under test.
  std::function<void(mlir::PassManager &)> lower;
  cpu::CpuCompileOptions options;
  std::unique_ptr<cpu::CpuModule> code;
  cpu::CpuKernel kernel{};
};

} // namespace einfall

#endif // EINFALL_TEST_CODEGEN_CPU_JIT_H
