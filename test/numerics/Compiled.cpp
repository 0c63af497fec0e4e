//===- Compiled.cpp - A kernel compiled for this processor ----------------===//

#include "test/numerics/Compiled.h"

#include "codegen/cpu/LowerToLLVM.h"
#include "dialect/Cascade/KernelInterface.h"
#include "passes/Derive/Derive.h"
#include "passes/Lower/CascadeToLoops.h"
#include "passes/Lower/FoldToRows.h"
#include "passes/Lower/TileToVector.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <limits>

using namespace mlir;
using namespace einfall;
using namespace einfall::numerics;
using namespace einfall::interpreter;

void numerics::loadLoweringDialects(MLIRContext &context) {
  context
      .loadDialect<cascade::CascadeDialect, arith::ArithDialect,
                   func::FuncDialect, math::MathDialect, memref::MemRefDialect,
                   scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect>();
}

/// Lowers in place; false with a reason where this way does not fit.
static bool lowerKernel(cascade::KernelOp kernel, Lowering lowering,
                        const llvm::StringMap<int64_t> &extents,
                        std::string &reason, bool &failed) {
  if (lowering == Lowering::Loops) {
    failed = mlir::failed(lowerCascadeToLoops(kernel));
    return !failed;
  }
  DerivationLog log;
  if (mlir::failed(deriveKernel(kernel, log))) {
    failed = true;
    return false;
  }
  cpu::CpuTarget target = cpu::CpuTarget::host();
  if (lowering == Lowering::Rows) {
    if (!canLowerFoldToRows(kernel, &reason))
      return false;
    failed = mlir::failed(lowerFoldToRows(
        kernel, {target.lanes(), target.vectorRegisters, extents}));
    return !failed;
  }
  CpuMachine machine;
  machine.lanes = target.lanes();
  machine.registers = target.vectorRegisters;
  auto plan = planTiles(kernel, machine, extents, reason);
  if (!plan)
    return false;
  lowerTilesToVector(kernel, *plan, machine);
  return true;
}

std::unique_ptr<Compiled>
Compiled::compile(cascade::KernelOp written, Lowering lowering,
                  const llvm::StringMap<int64_t> &extents, std::string &reason,
                  bool &failed) {
  failed = false;
  OwningOpRef<ModuleOp> module = ModuleOp::create(written.getLoc());
  auto kernel = cast<cascade::KernelOp>(written->clone());
  module->push_back(kernel);
  if (!lowerKernel(kernel, lowering, extents, reason, failed))
    return nullptr;
  for (auto left :
       llvm::make_early_inc_range(module->getOps<cascade::KernelOp>()))
    left.erase();
  auto fail = [&](llvm::Error error) {
    reason = toString(std::move(error));
    failed = true;
    return nullptr;
  };
  PassManager pm(written.getContext());
  cpu::addLowerToLLVM(pm);
  if (mlir::failed(pm.run(*module))) {
    failed = true;
    return nullptr;
  }
  auto object = cpu::compileObject(*module, {});
  if (!object)
    return fail(object.takeError());
  auto loaded = cpu::CpuModule::load(std::move(*object));
  if (!loaded)
    return fail(loaded.takeError());
  auto compiled = std::make_unique<Compiled>();
  compiled->written = written;
  compiled->code = std::move(*loaded);
  auto entry = compiled->code->lookup(written.getSymName());
  if (!entry)
    return fail(entry.takeError());
  compiled->entry = *entry;
  return compiled;
}

std::vector<OwnedTensor> Compiled::run(const Arguments &arguments,
                                       Layout layout) {
  auto interface = cascade::KernelInterface::of(written);
  auto bound = bindExtents(written, arguments);
  std::vector<OwnedTensor> outputs;
  if (mlir::failed(bound))
    return outputs;
  std::vector<int64_t> extents;
  for (const std::string &rank : interface.ranks)
    extents.push_back(bound->lookup(rank));

  std::vector<void *> data;
  std::vector<int64_t> strides;
  auto pass = [&](const Tensor &tensor) {
    data.push_back(tensor.data);
    llvm::append_range(strides, tensor.strides);
  };
  for (const auto &input : interface.inputs)
    pass(arguments.inputs.lookup(input.name));
  for (const auto &output : interface.outputs) {
    SmallVector<int64_t> shape;
    for (const std::string &rank : output.dims)
      shape.push_back(bound->lookup(rank));
    // Fresh memory is poison all over.
    outputs.push_back(OwnedTensor::make(*elementOf(output.element), shape,
                                        layout, outputs.size()));
    pass(outputs.back().view);
  }
  std::vector<const double *> params;
  std::vector<double> values;
  values.reserve(interface.params.size());
  for (const auto &param : interface.params) {
    auto found = arguments.params.find(param.name);
    if (found == arguments.params.end()) {
      params.push_back(nullptr);
      continue;
    }
    values.push_back(found->second);
    params.push_back(&values.back());
  }
  EinfallCpuArguments launch{data.data(), strides.data(), extents.data(),
                             params.data()};
  cpu::CpuExecutor executor(2);
  std::vector<char> workspace(executor.workspaceSize(entry, launch) + 64,
                              '\xff');
  auto address = reinterpret_cast<uintptr_t>(workspace.data());
  executor.launch(entry, launch,
                  reinterpret_cast<void *>((address + 63) / 64 * 64));
  return outputs;
}
