//===- Support.h - What the numeric tests share -----------------*- C++ -*-===//

#ifndef EINFALL_TEST_NUMERICS_SUPPORT_H
#define EINFALL_TEST_NUMERICS_SUPPORT_H

#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Compare.h"
#include "dialect/Interpreter/Random.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace einfall::numerics {

/// Causal attention with a scale and the log-sum-exp, derived by hand.
inline constexpr const char *attention = R"mlir(
cascade.kernel @attention {
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %one = cascade.const 5.0e-1 : f64 -> <real[]>
  %scale = cascade.param "scale" : f32 else %one : !cascade.field<real[]> -> <real[]>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
  %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
  %dot = cascade.reduce sum over ["e"] %qk : <real[e, m, p]> -> <real[m, p]>
  %s0 = cascade.map mul(%dot, %scale) : (!cascade.field<real[m, p]>, !cascade.field<real[]>) -> !cascade.field<real[m, p]>
  %c = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %r:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  ^bb0(%ref: !cascade.field<real[p]>):
    %d = cascade.map sub(%s, %ref) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
    %w = cascade.map exp(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
    cascade.yield %s, %w, %wv : !cascade.field<real[m, p]>, !cascade.field<real[m, p]>, !cascade.field<real[f, m, p]>
  } act {
  ^bb0(%old: !cascade.field<real[p]>, %new: !cascade.field<real[p]>, %l: !cascade.field<real[p]>, %o: !cascade.field<real[f, p]>):
    %d = cascade.map sub(%old, %new) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %chi = cascade.map exp(%d) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
    %l2 = cascade.map mul(%l, %chi) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %o2 = cascade.map mul(%o, %chi) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
    cascade.yield %l2, %o2 : !cascade.field<real[p]>, !cascade.field<real[f, p]>
  } : !cascade.field<real[p]>, !cascade.field<real[p]>, !cascade.field<real[f, p]>
  %quot = cascade.map div(%r#2, %r#1) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  %some = cascade.present %r#0 : <real[p]> -> <bool[p]>
  %out = cascade.where %quot, %some : <real[f, p]>, <bool[p]> -> <real[f, p]>
  %zero = cascade.const 0.0 : f64 -> <real[]>
  cascade.output "O" [p, f] : f32 = %out : <real[f, p]> else %zero : !cascade.field<real[]>
  %log = cascade.map log(%r#1) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %lse = cascade.map add(%log, %r#0) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  cascade.output "L" [p] : f32 = %lse : <real[p]> else %zero : !cascade.field<real[]>
}
)mlir";

class NumericsTest : public ::testing::Test {
protected:
  NumericsTest() {
    context.loadDialect<cascade::CascadeDialect>();
    context.getDiagEngine().registerHandler(
        [&](mlir::Diagnostic &diag) { messages += diag.str() + "\n"; });
  }

  cascade::KernelOp parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      ADD_FAILURE() << messages;
      return nullptr;
    }
    return *module->getOps<cascade::KernelOp>().begin();
  }

  interpreter::RandomArguments
  randomArguments(cascade::KernelOp kernel,
                  std::vector<std::pair<std::string, int64_t>> extents,
                  interpreter::RandomOptions options = {}) {
    interpreter::Arguments fixed;
    for (auto &[name, extent] : extents)
      fixed.extents[name] = extent;
    auto made = interpreter::RandomArguments::make(kernel, fixed, options);
    if (failed(made)) {
      ADD_FAILURE() << messages;
      return {};
    }
    return std::move(*made);
  }

  /// An output as a kernel would store it, by interpretation.
  interpreter::OwnedTensor outputOf(cascade::KernelOp kernel,
                                    const interpreter::Arguments &arguments,
                                    llvm::StringRef name,
                                    interpreter::Options options = {}) {
    using namespace interpreter;
    auto evaluator = Interpreter::create(kernel, arguments, options);
    if (failed(evaluator)) {
      ADD_FAILURE() << messages;
      return {};
    }
    auto output = evaluator->getOutput(name);
    auto values = evaluator->evaluateAll(output);
    if (failed(values)) {
      ADD_FAILURE() << messages;
      return {};
    }
    Element storage = *elementOf(output.getStorage());
    OwnedTensor tensor = OwnedTensor::make(storage, evaluator->getShape(output),
                                           Layout::Dense, 0);
    for (size_t i = 0; i < values->size(); ++i)
      storeElement(storage, tensor.view.data, i, (*values)[i]);
    return tensor;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string messages;
};

} // namespace einfall::numerics

#endif // EINFALL_TEST_NUMERICS_SUPPORT_H
