//===- Written.h - A kernel of the cascade dialect, from Ein ----*- C++ -*-===//

#ifndef EINFALL_TEST_PASSES_WRITTEN_H
#define EINFALL_TEST_PASSES_WRITTEN_H

#include "dialect/Cascade/Cascade.h"
#include "frontend/sema/Emit.h"
#include "test/frontend/sema/Analysed.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

namespace einfall {

struct Written : ein::Analysed {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  cascade::KernelOp kernel; ///< the first; null after an error, see text()

  explicit Written(std::string source) : Analysed(std::move(source)) {
    if (!ok())
      return;
    auto emitted = emitCascade(context, *program, sources, diagnostics);
    if (failed(emitted))
      return;
    module = std::move(*emitted);
    kernel = *module->getOps<cascade::KernelOp>().begin();
  }
};

} // namespace einfall

#endif // EINFALL_TEST_PASSES_WRITTEN_H
