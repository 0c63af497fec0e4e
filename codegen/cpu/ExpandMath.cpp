//===- ExpandMath.cpp - Mathematical functions as polynomials -------------===//

#include "codegen/cpu/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace {

/// tanh of f32 to about one unit in the last place, where the usual quotient of
/// polynomials is wrong by several: a soft-capped score is a large multiple of
/// it. Below 5/8 a polynomial (Cephes, tanhf), above it
/// 1 - 2 / (exp(2 |x|) + 1).
struct ExpandTanh : OpRewritePattern<math::TanhOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::TanhOp op,
                                PatternRewriter &b) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32())
      return b.notifyMatchFailure(op, "not a vector of f32");
    Location loc = op.getLoc();
    auto number = [&](float value) -> Value {
      return arith::ConstantOp::create(b, loc,
                                       DenseElementsAttr::get(type, value));
    };
    auto mul = [&](Value x, Value y) -> Value {
      return arith::MulFOp::create(b, loc, x, y);
    };
    auto add = [&](Value x, Value y) -> Value {
      return arith::AddFOp::create(b, loc, x, y);
    };
    Value x = op.getOperand(), magnitude = math::AbsFOp::create(b, loc, x);
    Value square = mul(x, x), sum = number(-5.70498872745e-3f);
    for (float coefficient : {2.06390887954e-2f, -5.37397155531e-2f,
                              1.33314422036e-1f, -3.33332819422e-1f})
      sum = math::FmaOp::create(b, loc, sum, square, number(coefficient));
    Value small = math::FmaOp::create(b, loc, mul(sum, square), x, x);
    // Beyond 10 the result is 1 in f32.
    Value bounded = arith::MinimumFOp::create(b, loc, magnitude, number(10));
    Value power = math::ExpOp::create(b, loc, add(bounded, bounded));
    Value large = arith::SubFOp::create(
        b, loc, number(1),
        arith::DivFOp::create(b, loc, number(2), add(power, number(1))));
    large = math::CopySignOp::create(b, loc, large, x);
    Value isSmall = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                                          magnitude, number(0.625f));
    b.replaceOpWithNewOp<arith::SelectOp>(op, isSmall, small, large);
    return success();
  }
};

struct ExpandMath : PassWrapper<ExpandMath, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandMath)

  StringRef getArgument() const override { return "expand-vector-math"; }
  StringRef getDescription() const override {
    return "expand mathematical functions of vectors into polynomials";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, math::MathDialect,
                    vector::VectorDialect>();
  }
  void runOnOperation() override {
    SmallVector<Operation *> functions;
    getOperation()->walk([&](Operation *op) {
      if (isa<math::MathDialect>(op->getDialect()) &&
          isa<VectorType>(op->getResult(0).getType()))
        functions.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns,
                                                [](StringRef) { return true; });
    patterns.add<ExpandTanh>(&getContext(), /*benefit=*/2);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    if (failed(applyOpPatternsGreedily(functions, std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> einfall::cpu::createExpandMathPass() {
  return std::make_unique<ExpandMath>();
}
