//===- einfall-opt.cpp - Run single passes on textual IR ------------------===//
//
// The developer's door into the middle of the compiler: mlir-opt with our
// dialects and passes. Tests of passes go through it.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ExpandMath.h"
#include "codegen/nvidia/DeviceToLLVM.h"
#include "dialect/Cascade/Cascade.h"
#include "dialect/Device/Device.h"
#include "passes/Derive/Passes.h"
#include "passes/Lower/CascadeToLoops.h"
#include "passes/Lower/Device/DevicePasses.h"
#include "passes/Lower/FoldToRows.h"
#include "passes/Lower/TilePasses.h"

#include "mlir/Dialect/SMT/IR/SMTDialect.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<einfall::cascade::CascadeDialect,
                  einfall::device::DeviceDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::smt::SMTDialect, mlir::vector::VectorDialect>();
  mlir::registerTransformsPasses();
  einfall::registerDerivePasses();
  einfall::registerTilePasses();
  einfall::registerDeviceLoweringPasses();
  mlir::registerPass([] { return einfall::createLowerCascadeToLoopsPass(); });
  mlir::registerPass([] { return einfall::createLowerFoldToRowsPass(); });
  mlir::registerPass([] { return einfall::cpu::createExpandMathPass(); });
  mlir::registerPass([] { return einfall::nvidia::createDeviceToLLVMPass(); });
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "einfall pass driver\n", registry));
}
