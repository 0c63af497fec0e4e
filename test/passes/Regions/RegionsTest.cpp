//===- RegionsTest.cpp - Closed forms of masks against brute force --------===//

#include "passes/Proof/Prover.h"
#include "passes/Regions/Classify.h"
#include "passes/Regions/EmitIndex.h"
#include "passes/Regions/KernelMasks.h"
#include "passes/Regions/RegionProof.h"

#include "dialect/Cascade/Cascade.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <functional>
#include <random>

using namespace einfall;
using namespace einfall::regions;

namespace {

/// Definitions that the masks below are written with.
constexpr const char *definitions = R"mlir(
  %Q = cascade.input "Q" [h, p] : <f32, 2>
  %K = cascade.input "K" [h, m] : <f32, 2>
  %len = cascade.input "len" [h] : <i32, 1>
  %doc = cascade.input "doc" [m] : <i32, 1>
  %w = cascade.param "w" : i32 -> <int[]>
  %p = cascade.coord "p" : <int[p]>
  %m = cascade.coord "m" : <int[m]>
  %h = cascade.coord "h" : <int[h]>
  %np = cascade.extent "p" : <int[]>
  %nm = cascade.extent "m" : <int[]>
  %d = cascade.map sub(%p, %m) : (!cascade.field<int[p]>, !cascade.field<int[m]>) -> !cascade.field<int[m, p]>
  %shift = cascade.map sub(%nm, %np) : (!cascade.field<int[]>, !cascade.field<int[]>) -> !cascade.field<int[]>
  %e = cascade.map sub(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<int[m, p]>
  %causal = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %end = cascade.map le(%e, %shift) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<bool[m, p]>
  %near = cascade.map lt(%d, %w) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<bool[m, p]>
  %four = cascade.const 4 : i64 -> <int[]>
  %zero = cascade.const 0 : i64 -> <int[]>
  %sink = cascade.map lt(%m, %four) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %some = cascade.map or(%near, %sink) : (!cascade.field<bool[m, p]>, !cascade.field<bool[m]>) -> !cascade.field<bool[m, p]>
  %pb = cascade.map floordiv(%p, %four) : (!cascade.field<int[p]>, !cascade.field<int[]>) -> !cascade.field<int[p]>
  %mb = cascade.map floordiv(%m, %four) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
  %blocks = cascade.map le(%mb, %pb) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %same = cascade.map eq(%mb, %pb) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %rem = cascade.map mod(%d, %four) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<int[m, p]>
  %even = cascade.map eq(%rem, %zero) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<bool[m, p]>
  %not = cascade.map not(%causal) : (!cascade.field<bool[m, p]>) -> !cascade.field<bool[m, p]>
  %n = cascade.read %len[%h] : <i32, 1>, (!cascade.field<int[h]>) -> !cascade.field<int[h]>
  %short = cascade.map lt(%m, %n) : (!cascade.field<int[m]>, !cascade.field<int[h]>) -> !cascade.field<bool[h, m]>
  %dm = cascade.read %doc[%m] : <i32, 1>, (!cascade.field<int[m]>) -> !cascade.field<int[m]>
  %of = cascade.map eq(%dm, %zero) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %beyond = cascade.read %doc[%d] : <i32, 1>, (!cascade.field<int[m, p]>) -> !cascade.field<int[m, p]>
  %far = cascade.map eq(%beyond, %zero) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<bool[m, p]>
  %maybe = cascade.map or(%causal, %far) : (!cascade.field<bool[m, p]>, !cascade.field<bool[m, p]>) -> !cascade.field<bool[m, p]>
  %s = cascade.const 1.0 : f64 -> <real[]>
)mlir";

/// Numbers that a mask may depend on.
struct Scene {
  int64_t rows, keys, w, len;
};

struct Mask {
  std::vector<const char *> conditions;
  std::function<bool(int64_t p, int64_t m, const Scene &)> inside;
  /// Full and empty are found whenever they are true.
  bool complete;
  size_t disjuncts;
};

int64_t floorDiv(int64_t a, int64_t b) { return (a - ((a % b) + b) % b) / b; }

const std::vector<std::pair<const char *, Mask>> &masks() {
  static const std::vector<std::pair<const char *, Mask>> all = {
      {"none", {{}, [](auto, auto, auto &) { return true; }, true, 1}},
      {"causal",
       {{"causal"}, [](auto p, auto m, auto &) { return m <= p; }, true, 1}},
      {"causal to the end",
       {{"end"},
        [](auto p, auto m, auto &s) { return m - p <= s.keys - s.rows; },
        true,
        1}},
      {"window",
       {{"causal", "near"},
        [](auto p, auto m, auto &s) { return m <= p && p - m < s.w; },
        true,
        1}},
      {"window with sinks",
       {{"causal", "some"},
        [](auto p, auto m, auto &s) {
          return m <= p && (p - m < s.w || m < 4);
        },
        false,
        2}},
      {"block causal",
       {{"blocks"},
        [](auto p, auto m, auto &) { return floorDiv(m, 4) <= floorDiv(p, 4); },
        true,
        1}},
      {"block diagonal",
       {{"same"},
        [](auto p, auto m, auto &) { return floorDiv(m, 4) == floorDiv(p, 4); },
        true,
        1}},
      {"anti-causal",
       {{"not"}, [](auto p, auto m, auto &) { return m > p; }, true, 1}},
      {"length",
       {{"short", "causal"},
        [](auto p, auto m, auto &s) { return m < s.len && m <= p; },
        true,
        1}},
      {"dilated",
       {{"even", "causal"},
        [](auto p, auto m, auto &) { return m <= p && (p - m) % 4 == 0; },
        false,
        1}},
  };
  return all;
}

auto by(proof::Prover &prover) {
  return [&prover](const proof::Obligation &obligation) {
    return prover.prove(obligation).isProved();
  };
}

class Regions : public ::testing::Test {
protected:
  Regions() { context.loadDialect<cascade::CascadeDialect>(); }

  mlir::FailureOr<MaskRegions> analyze(llvm::ArrayRef<const char *> names) {
    std::string text = "cascade.kernel @k {" + std::string(definitions);
    for (const char *name : names) {
      // A use, by which the condition is found.
      text += std::string("%use.") + name + " = cascade.present %" + name +
              " : " + typeOf(name) + "\n";
    }
    text += "}";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return mlir::failure();
    llvm::SmallVector<mlir::Value> conditions;
    module->walk(
        [&](cascade::PresentOp use) { conditions.push_back(use.getValue()); });
    return analyzeMask(conditions, {"p"}, "m");
  }

  static std::string typeOf(llvm::StringRef name) {
    std::string ranks = name == "short"                  ? "h, m"
                        : name == "sink" || name == "of" ? "m"
                                                         : "m, p";
    return "<bool[" + ranks + "]> -> <bool[" + ranks + "]>";
  }

  /// Numbers for the leaves, found by their names.
  static Numbers numbers(const MaskRegions &regions, const Scene &scene) {
    Numbers result;
    for (const Leaf &leaf : regions.leaves) {
      llvm::StringRef name = leaf.symbol.name();
      result[leaf.symbol] = name == "extent.p"   ? scene.rows
                            : name == "extent.m" ? scene.keys
                            : name == "param.w"  ? scene.w
                                                 : scene.len;
    }
    return result;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(Regions, AgreeWithBruteForce) {
  std::mt19937_64 random(7);
  auto draw = [&](int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random() % (hi - lo + 1));
  };
  for (auto &[name, mask] : masks()) {
    auto regions = analyze(mask.conditions);
    ASSERT_TRUE(mlir::succeeded(regions)) << name;
    EXPECT_TRUE(regions->isClosedForm()) << name;
    EXPECT_EQ(regions->disjuncts.size(), mask.disjuncts) << name;
    int counts[3] = {0, 0, 0}; // empty, partial, full
    for (int i = 0; i < 2000; ++i) {
      Scene scene{draw(1, 40), draw(1, 40), draw(1, 12), draw(0, 45)};
      Numbers values = numbers(*regions, scene);
      int64_t plo = draw(0, scene.rows - 1);
      int64_t phi = draw(plo + 1, std::min(scene.rows, plo + 9));
      int64_t mlo = draw(0, scene.keys - 1);
      int64_t mhi = draw(mlo + 1, std::min(scene.keys, mlo + 9));
      values[regions->rows[0].lo] = plo;
      values[regions->rows[0].hi] = phi;
      values[regions->stream.lo] = mlo;
      values[regions->stream.hi] = mhi;
      bool all = true, any = false;
      for (int64_t p = plo; p < phi; ++p)
        for (int64_t m = mlo; m < mhi; ++m) {
          all &= mask.inside(p, m, scene);
          any |= mask.inside(p, m, scene);
        }
      TileClass kind = classify(*regions, values);
      ++counts[static_cast<int>(kind)];
      EXPECT_TRUE(kind != TileClass::Full || all) << name;
      EXPECT_TRUE(kind != TileClass::Empty || !any) << name;
      if (mask.complete) {
        EXPECT_EQ(kind == TileClass::Full, all) << name;
        EXPECT_EQ(kind == TileClass::Empty, !any) << name;
      }
      // Bounds of the walk, for every key of every row of the block.
      int64_t lo = *evaluate(regions->streamLo, values);
      int64_t hi = *evaluate(regions->streamHi, values);
      for (int64_t m = 0; m < scene.keys; ++m) {
        bool everyRow = true, someRow = false;
        for (int64_t p = plo; p < phi; ++p) {
          everyRow &= mask.inside(p, m, scene);
          someRow |= mask.inside(p, m, scene);
        }
        EXPECT_TRUE(!someRow || (lo <= m && m < hi)) << name << " at " << m;
        if (mask.complete) {
          EXPECT_EQ(someRow, lo <= m && m < hi) << name << " at " << m;
        }
        for (const Disjunct &d : regions->disjuncts)
          if (*evaluate(d.fullLo, values) <= m &&
              m < *evaluate(d.fullHi, values)) {
            EXPECT_TRUE(everyRow) << name << " at " << m;
          } else if (mask.complete) {
            EXPECT_FALSE(everyRow) << name << " at " << m;
          }
      }
    }
    if (mask.complete) {
      EXPECT_GT(counts[2], 0) << name << " has no full tile";
    }
    if (!mask.conditions.empty()) {
      EXPECT_GT(counts[1], 0) << name << " has no partial tile";
    }
  }
}

TEST_F(Regions, AreProved) {
  proof::Prover prover;
  for (auto &[name, mask] : masks()) {
    auto regions = analyze(mask.conditions);
    ASSERT_TRUE(mlir::succeeded(regions)) << name;
    Term full = regions->full, lo = regions->streamLo;
    EXPECT_TRUE(proveRegions(*regions, by(prover), name, "").empty()) << name;
    EXPECT_EQ(regions->full, full) << name;
    EXPECT_EQ(regions->streamLo, lo) << name;
  }
  for (auto &record : prover.history())
    EXPECT_EQ(proof::toString(record.verdict.status), "proved") << record.name;
}

/// Conditions that are off by one in a tile's bounds.
TEST_F(Regions, WrongOnesAreRefuted) {
  proof::Prover prover;
  auto refute = [&](const MaskRegions &regions, llvm::StringRef part,
                    bool findPoint = true) {
    std::vector<proof::Obligation> all =
        regionObligations(regions, "wrong", "");
    auto found = llvm::find_if(all, [&](const proof::Obligation &obligation) {
      return obligation.name == ("wrong." + part).str();
    });
    ASSERT_NE(found, all.end()) << part.str();
    const proof::Obligation &obligation = *found;
    proof::Verdict verdict = prover.prove(obligation);
    EXPECT_EQ(proof::toString(verdict.status), "refuted") << verdict.reason;
    proof::SearchOptions many;
    many.samples = 1 << 18;
    EXPECT_TRUE(!findPoint || proof::findCounterexample(obligation, many));
  };
  auto causal = analyze({"causal"});
  ASSERT_TRUE(mlir::succeeded(causal));
  MaskRegions wrong = *causal;
  Term plo = wrong.rows[0].lo, phi = wrong.rows[0].hi;
  wrong.full = le(wrong.stream.hi - 2, plo); // the last key is one too far
  refute(wrong, "full");
  wrong.empty = gt(wrong.stream.lo + 1, phi - 1); // the first key is inside
  refute(wrong, "empty");
  wrong.streamHi = phi - 1; // the last row's own key is left out
  refute(wrong, "walk");
  wrong.disjuncts[0].fullHi = plo + 2;
  refute(wrong, "inner.0");

  // What is not proved is not used.
  EXPECT_EQ(proveRegions(wrong, by(prover), "wrong", "").size(), 4u);
  EXPECT_TRUE(wrong.full.isFalse());
  EXPECT_TRUE(wrong.empty.isFalse());
  EXPECT_EQ(wrong.streamHi, wrong.streamExtent);
  EXPECT_EQ(wrong.disjuncts[0].fullHi, wrong.disjuncts[0].fullLo);

  // Where a walk begins: a window, and one of two alternatives. Few points show
  // it, so the solver alone is asked.
  auto window = analyze({"causal", "near"});
  ASSERT_TRUE(mlir::succeeded(window));
  window->streamLo = window->streamLo + 1;
  refute(*window, "walk", /*findPoint=*/false);
  auto sinks = analyze({"causal", "some"});
  ASSERT_TRUE(mlir::succeeded(sinks));
  sinks->disjuncts[1].lo = sinks->disjuncts[1].lo + 1;
  refute(*sinks, "bounds.1", /*findPoint=*/false);
}

/// Reads before the first and behind the last element of a tensor.
TEST_F(Regions, OfAReadAreProvedAndRefuted) {
  ASSERT_TRUE(mlir::succeeded(analyze({"far"})));
  cascade::ReadOp read;
  module->walk([&](cascade::ReadOp op) {
    if (!op.getIndices()[0].getDefiningOp<cascade::CoordOp>())
      read = op;
  });
  ASSERT_TRUE(read);
  std::optional<MaskRegions> regions = analyzeRestriction(read, "m");
  ASSERT_TRUE(regions);
  ASSERT_EQ(regions->rows.size(), 1u); // doc[p - m] is there where p >= m
  EXPECT_TRUE(regions->isClosedForm());
  proof::Prover prover;
  EXPECT_TRUE(proveRegions(*regions, by(prover), "read", "").empty());
  EXPECT_FALSE(regions->full.isFalse());
  MaskRegions wrong = *regions;
  wrong.full = le(wrong.stream.hi - 2, wrong.rows[0].lo);
  EXPECT_EQ(proveRegions(wrong, by(prover), "read", "").size(), 1u);
}

TEST_F(Regions, DocumentsAreOpaque) {
  auto regions = analyze({"of", "causal"});
  ASSERT_TRUE(mlir::succeeded(regions));
  ASSERT_EQ(regions->opaque.size(), 1u);
  EXPECT_TRUE(regions->full.isFalse());
  EXPECT_FALSE(regions->empty.isFalse()) << "causal alone makes tiles empty";
  proof::Prover prover;
  EXPECT_TRUE(proveRegions(*regions, by(prover), "documents", "").empty());
  EXPECT_EQ(regions->streamHi.str(),
            analyze({"causal"})->streamHi.str()); // bounded by causality
}

/// Reading outside a tensor makes a condition absent, even one that holds.
TEST_F(Regions, AbsentConditionsAreNeverFull) {
  auto regions = analyze({"maybe"});
  ASSERT_TRUE(mlir::succeeded(regions));
  EXPECT_TRUE(regions->full.isFalse());
  for (const Disjunct &disjunct : regions->disjuncts)
    EXPECT_TRUE(disjunct.fullHi.isConstant(0));
}

/// All masks of a fold, found and proved; one that is not is marked wherever it
/// stands.
TEST_F(Regions, OfAKernel) {
  std::string text = "cascade.kernel @k {" + std::string(definitions) + R"mlir(
    %sum:2 = cascade.fold over ["m"] references 0 monoids [sum, sum] step {
      %le = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
      %one = cascade.where %s, %causal : <real[]>, <bool[m, p]> -> <real[m, p]>
      %two = cascade.where %one, %near : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
      %again = cascade.where %s, %le : <real[]>, <bool[m, p]> -> <real[m, p]>
      cascade.yield %two, %again : !cascade.field<real[m, p]>, !cascade.field<real[m, p]>
    } act {
    ^bb0(%x: !cascade.field<real[p]>, %y: !cascade.field<real[p]>):
      cascade.yield %x, %y : !cascade.field<real[p]>, !cascade.field<real[p]>
    } : !cascade.field<real[p]>, !cascade.field<real[p]>
  })mlir";
  module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  cascade::KernelOp kernel = *module->getOps<cascade::KernelOp>().begin();
  std::vector<KernelMask> masks = findMasks(kernel);
  ASSERT_EQ(masks.size(), 2u);
  EXPECT_EQ(masks[0].regions.stream.rank, "m");
  EXPECT_EQ(masks[0].ops.size(), 2u) << "causal is written twice";
  proof::Prover prover;
  EXPECT_TRUE(proveMasks(kernel, by(prover), "k").empty());
  ASSERT_EQ(prover.history().size(), 8u);
  EXPECT_EQ(prover.history()[0].name, "k.m.mask0.full");
  EXPECT_FALSE(masks[0].ops[0]->hasAttr(testedEverywhere));
  auto refuse = [](const proof::Obligation &obligation) {
    return obligation.name != "k.m.mask0.walk";
  };
  std::vector<Unproved> unproved = proveMasks(kernel, refuse, "k");
  ASSERT_EQ(unproved.size(), 1u);
  EXPECT_EQ(unproved[0].obligation, "k.m.mask0.walk");
  EXPECT_TRUE(masks[0].ops[0]->hasAttr(testedEverywhere));
  EXPECT_TRUE(masks[0].ops[1]->hasAttr(testedEverywhere));
  EXPECT_FALSE(masks[1].ops[0]->hasAttr(testedEverywhere));
}

TEST_F(Regions, WhatIsNoConditionFails) {
  ASSERT_TRUE(mlir::succeeded(analyze({"causal"})));
  mlir::Value number;
  module->walk([&](cascade::ExtentOp op) { number = op.getResult(); });
  EXPECT_TRUE(mlir::failed(analyzeMask({number}, {"p"}, "m")));
}

TEST_F(Regions, BecomeIndexArithmetic) {
  auto regions = analyze({"causal", "near"});
  ASSERT_TRUE(mlir::succeeded(regions));
  context.loadDialect<mlir::arith::ArithDialect>();
  mlir::OpBuilder builder(&context);
  mlir::OwningOpRef<mlir::ModuleOp> target =
      mlir::ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(target->getBody());
  auto known = [&](Term symbol) -> mlir::Value {
    if (symbol.name() == "param.w")
      return {};
    return mlir::arith::ConstantIndexOp::create(builder,
                                                builder.getUnknownLoc(), 3);
  };
  IndexEmitter partial(builder, builder.getUnknownLoc(), known);
  EXPECT_TRUE(mlir::failed(partial.emit(regions->full)));
  auto all = [&](Term) -> mlir::Value {
    return mlir::arith::ConstantIndexOp::create(builder,
                                                builder.getUnknownLoc(), 3);
  };
  IndexEmitter emitter(builder, builder.getUnknownLoc(), all);
  auto full = emitter.emit(regions->full);
  auto lo = emitter.emit(regions->streamLo);
  ASSERT_TRUE(mlir::succeeded(full) && mlir::succeeded(lo));
  EXPECT_TRUE(full->getType().isInteger(1));
  EXPECT_TRUE(lo->getType().isIndex());
  // As i64.
  mlir::Type i64 = builder.getI64Type();
  auto number = [&](Term) -> mlir::Value {
    return mlir::arith::ConstantOp::create(builder, builder.getUnknownLoc(),
                                           builder.getI64IntegerAttr(3));
  };
  IndexEmitter wide(builder, builder.getUnknownLoc(), number, i64);
  auto hi = wide.emit(regions->streamHi);
  ASSERT_TRUE(mlir::succeeded(hi));
  EXPECT_EQ(hi->getType(), i64);
  EXPECT_TRUE(mlir::succeeded(target->verify()));
}
