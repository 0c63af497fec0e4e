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

/// Sine and cosine of f32 by way of f64, to half a unit in the last place up to
/// 2^50: an angle is a position times a frequency, and a reduction in f32 would
/// lose as many digits as the position has.
template <typename OpTy> struct ExpandCircular : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &b) const override {
    auto narrow = dyn_cast<VectorType>(op.getType());
    if (!narrow || !narrow.getElementType().isF32())
      return b.notifyMatchFailure(op, "not a vector of f32");
    Location loc = op.getLoc();
    auto type = VectorType::get(narrow.getShape(), b.getF64Type());
    auto number = [&](double value) -> Value {
      return arith::ConstantOp::create(b, loc,
                                       DenseElementsAttr::get(type, value));
    };
    auto mul = [&](Value x, Value y) -> Value {
      return arith::MulFOp::create(b, loc, x, y);
    };
    auto fma = [&](Value x, Value y, Value z) -> Value {
      return math::FmaOp::create(b, loc, x, y, z);
    };
    auto test = [&](arith::CmpFPredicate predicate, Value x, double y) {
      return arith::CmpFOp::create(b, loc, predicate, x, number(y));
    };
    auto polynomial = [&](Value x, ArrayRef<double> coefficients) {
      Value sum = number(coefficients.front());
      for (double coefficient : coefficients.drop_front())
        sum = fma(sum, x, number(coefficient));
      return sum;
    };
    // x = k pi / 2 + r, pi / 2 in two parts.
    Value x = arith::ExtFOp::create(b, loc, type, op.getOperand());
    Value k = math::RoundEvenOp::create(b, loc,
                                        mul(x, number(0.63661977236758134308)));
    Value r = fma(k, number(-1.57079632679489661923), x);
    r = fma(k, number(-6.12323399573676603587e-17), r);
    Value square = mul(r, r);
    // Taylor's; what is left out is below 1e-11.
    Value sine = polynomial(square, {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040,
                                     1.0 / 120, -1.0 / 6, 1});
    sine = mul(sine, r);
    Value cosine =
        polynomial(square, {1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320,
                            -1.0 / 720, 1.0 / 24, -0.5, 1});
    if (isa<math::CosOp>(op)) // sin(x + pi / 2)
      k = arith::AddFOp::create(b, loc, k, number(1));
    Value turns = math::FloorOp::create(b, loc, mul(k, number(0.25)));
    Value quarter = fma(turns, number(-4), k); // 0, 1, 2 or 3
    Value isOdd = arith::OrIOp::create(
        b, loc, test(arith::CmpFPredicate::OEQ, quarter, 1),
        test(arith::CmpFPredicate::OEQ, quarter, 3));
    Value result = arith::SelectOp::create(b, loc, isOdd, cosine, sine);
    result = arith::SelectOp::create(
        b, loc, test(arith::CmpFPredicate::OGE, quarter, 2),
        arith::NegFOp::create(b, loc, result), result);
    b.replaceOpWithNewOp<arith::TruncFOp>(op, narrow, result);
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
    patterns.add<ExpandTanh, ExpandCircular<math::SinOp>,
                 ExpandCircular<math::CosOp>>(&getContext(), /*benefit=*/2);
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
