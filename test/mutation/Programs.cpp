//===- Programs.cpp - A kernel's programs, to be changed ------------------===//

#include "test/mutation/Programs.h"

#include "codegen/emulated/DeviceToImage.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;

Programs::Programs(llvm::StringRef text)
    : context(MLIRContext::Threading::DISABLED) {
  context.loadDialect<device::DeviceDialect, arith::ArithDialect,
                      scf::SCFDialect, vector::VectorDialect>();
  context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  module = parseSourceString<ModuleOp>(text, &context);
}

llvm::SmallVector<device::KernelOp> Programs::kernels() {
  return llvm::to_vector(module->getOps<device::KernelOp>());
}

llvm::SmallVector<llvm::SmallVector<unsigned>> Programs::versions() {
  llvm::SmallVector<llvm::SmallVector<unsigned>> result;
  auto all = kernels();
  for (auto &version : device::versionsOf(*module)) {
    auto &numbers = result.emplace_back();
    for (device::KernelOp kernel : version)
      numbers.push_back(llvm::find(all, kernel) - all.begin());
  }
  return result;
}

std::optional<emulated::DeviceImage> Programs::image(unsigned number,
                                                     const Mutant *mutant) {
  OwningOpRef<device::KernelOp> copy = kernels()[number].clone();
  if (mutant)
    apply(*copy, *mutant);
  auto translated = translateToImage(*copy);
  if (failed(translated))
    return std::nullopt;
  return emulated::DeviceImage::make(std::move(*translated), message);
}
