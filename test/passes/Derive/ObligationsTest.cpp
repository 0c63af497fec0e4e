//===- ObligationsTest.cpp - Rewrites are proved, broken ones refuted -----===//

#include "passes/Derive/Obligations.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/Groups.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Proof/Prover.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

namespace {

OwningOpRef<ModuleOp> parseFile(StringRef name, MLIRContext &context) {
  context.loadDialect<CascadeDialect>();
  std::string path = (EINFALL_SOURCE_DIR "/test/passes/Derive/" + name).str();
  return parseSourceFile<ModuleOp>(path, ParserConfig(&context));
}

class ProvedTest : public testing::TestWithParam<std::string> {};

TEST_P(ProvedTest, EveryObligationIsProved) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = parseFile(GetParam(), context);
  ASSERT_TRUE(bool(module));
  for (auto kernel : module->getOps<KernelOp>()) {
    proof::ProverOptions options;
    options.totalSeconds = 120;
    proof::Prover prover(options);
    DerivationLog log;
    ASSERT_TRUE(succeeded(deriveKernel(kernel, log)));
    for (const proof::Obligation &obligation : log.obligations) {
      proof::Verdict verdict = prover.prove(obligation);
      EXPECT_TRUE(verdict.isProved())
          << obligation.name << " (" << obligation.rule << ") is "
          << toString(verdict.status).str() << ": " << verdict.reason << "\n"
          << verdict.script;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, ProvedTest,
    testing::Values("softmax.mlir", "softmax-variants.mlir", "no-maximum.mlir",
                    "moments.mlir", "nested.mlir", "plain.mlir",
                    "not-one-pass.mlir"),
    [](const auto &info) {
      std::string name = llvm::sys::path::stem(info.param).str();
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

/// What is emitted for a kernel of softmax.mlir or moments.mlir, then broken.
class BrokenTest : public testing::Test {
protected:
  void emit(StringRef file, StringRef name) {
    module = parseFile(file, context);
    kernel = module->lookupSymbol<KernelOp>(name);
    ASSERT_TRUE(bool(kernel));
    Group group = findGroups(kernel).front();
    stream = std::make_unique<Stream>(group.ranks, group.members);
    plan = makePlan(*stream, group.members, {});
    emission = emitPlan(kernel, *stream, plan);
    fold = emission.folds.front();
  }
  std::string notProved() {
    std::string rules;
    for (const Duty &duty :
         writeObligations(kernel, *stream, plan, emission, terms)) {
      proof::Verdict verdict = prover.prove(duty.obligation);
      if (verdict.status == proof::Status::Refuted)
        rules += duty.obligation.rule + "; ";
      else if (!verdict.isProved())
        rules += duty.obligation.rule + "?; ";
    }
    return rules;
  }
  /// The n-th map of that function in a region.
  MapOp find(Region &region, Function function, unsigned n = 0) {
    for (auto map : region.getOps<MapOp>())
      if (map.getFunction() == function && n-- == 0)
        return map;
    return {};
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  KernelOp kernel;
  std::unique_ptr<Stream> stream;
  Plan plan;
  Emission emission;
  FoldOp fold;
  proof::TermContext terms;
  proof::Prover prover;
};

TEST_F(BrokenTest, NothingIsRefutedAsEmitted) {
  emit("softmax.mlir", "causal");
  EXPECT_EQ(notProved(), "");
}

TEST_F(BrokenTest, ActThatForgetsToRescale) {
  emit("softmax.mlir", "causal");
  auto yield = cast<YieldOp>(fold.getAct().front().back());
  yield.setOperand(1, fold.getAct().getArgument(3));
  std::string rules = notProved();
  EXPECT_NE(rules.find("R2 step"), std::string::npos) << rules;
}

TEST_F(BrokenTest, ActThatRescalesTheWrongWay) {
  emit("softmax.mlir", "causal");
  MapOp difference = find(fold.getAct(), Function::Sub);
  Value a = difference.getOperands()[0], b = difference.getOperands()[1];
  difference->setOperands({b, a});
  std::string rules = notProved();
  EXPECT_NE(rules.find("R2 step"), std::string::npos) << rules;
  EXPECT_NE(rules.find("R2 range"), std::string::npos) << rules;
}

TEST_F(BrokenTest, StepWithoutReference) {
  emit("softmax.mlir", "causal");
  MapOp difference = find(fold.getStep(), Function::Sub);
  difference.replaceAllUsesWith(difference.getOperands()[0]);
  std::string rules = notProved();
  EXPECT_NE(rules.find("R2 step"), std::string::npos) << rules;
  EXPECT_NE(rules.find("R2 range"), std::string::npos) << rules;
  EXPECT_NE(rules.find("R5 separate"), std::string::npos) << rules;
}

TEST_F(BrokenTest, StepThatIgnoresTheMask) {
  emit("softmax.mlir", "causal");
  auto where = *fold.getStep().getOps<WhereOp>().begin();
  where.replaceAllUsesWith(where.getValue());
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 domain"), std::string::npos) << rules;
}

TEST_F(BrokenTest, FinishThatDividesTwice) {
  emit("softmax.mlir", "causal");
  auto quotient = emission.unguarded.back().getDefiningOp<MapOp>();
  ASSERT_EQ(quotient.getFunction(), Function::Div);
  OpBuilder builder(quotient->getContext());
  builder.setInsertionPointAfter(quotient);
  emission.unguarded.back() = MapOp::create(
      builder, quotient.getLoc(), Function::Div,
      ValueRange{quotient.getResult(), quotient.getOperands()[1]});
  std::string rules = notProved();
  EXPECT_NE(rules.find("R5 separate"), std::string::npos) << rules;
}

/// The finish of `name`, which its guard restricts.
WhereOp guardOf(const Plan &plan, Emission &emission, StringRef name) {
  for (auto [finish, value] : llvm::zip(plan.finishes, emission.finishes)) {
    ReduceOp member = finish.member;
    if (givenName(member) != name)
      continue;
    if (auto otherwise = value.getDefiningOp<OrElseOp>())
      return otherwise.getValue().getDefiningOp<WhereOp>();
  }
  return {};
}

TEST_F(BrokenTest, FinishWithoutAGuard) {
  emit("softmax.mlir", "causal");
  // Where no key is seen it is 0 / 0.
  emission.finishes.back() = emission.unguarded.back();
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 empty"), std::string::npos) << rules;
  EXPECT_EQ(rules.find("R1 guard"), std::string::npos) << rules;
}

TEST_F(BrokenTest, GuardThatMistakesEmptyRows) {
  emit("softmax.mlir", "causal");
  WhereOp guard = guardOf(plan, emission, "O");
  ASSERT_TRUE(guard);
  OpBuilder builder(guard);
  Value opposite = MapOp::create(builder, guard.getLoc(), Function::Not,
                                 ValueRange{guard.getCondition()});
  guard.getConditionMutable().assign(opposite);
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 guard"), std::string::npos) << rules;
  EXPECT_NE(rules.find("R1 empty"), std::string::npos) << rules;
}

TEST_F(BrokenTest, EmptyRowsThatGiveOne) {
  emit("softmax.mlir", "causal");
  WhereOp guard = guardOf(plan, emission, "O");
  ASSERT_TRUE(guard);
  auto otherwise = cast<OrElseOp>(*guard->getUsers().begin());
  OpBuilder builder(otherwise);
  otherwise.getFallbackMutable().assign(
      ConstOp::create(builder, guard.getLoc(), 1.0));
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 empty"), std::string::npos) << rules;
  EXPECT_EQ(rules.find("R1 guard"), std::string::npos) << rules;
}

TEST_F(BrokenTest, EmptyRowsThatAreAbsent) {
  emit("softmax.mlir", "causal");
  WhereOp guard = guardOf(plan, emission, "O");
  ASSERT_TRUE(guard);
  emission.finishes.back() = guard;
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 empty"), std::string::npos) << rules;
}

/// A reference that sees fewer keys than the maximum that it stands for.
TEST_F(BrokenTest, ReferenceOfFewerKeys) {
  emit("softmax.mlir", "causal");
  auto yield = cast<YieldOp>(fold.getStep().front().back());
  OpBuilder builder(yield);
  Value score = yield.getValues()[0];
  Value limit = ConstOp::create(builder, yield.getLoc(), 8.0);
  Value small = MapOp::create(builder, yield.getLoc(), Function::Lt,
                              ValueRange{score, limit});
  yield->setOperand(0, WhereOp::create(builder, yield.getLoc(), score, small));
  std::string rules = notProved();
  EXPECT_NE(rules.find("R3 member"), std::string::npos) << rules;
}

/// A reference of its own, absent where there is something to sum.
TEST_F(BrokenTest, GuardByAReferenceOfFewerKeys) {
  emit("no-maximum.mlir", "naive_weight_sum");
  EXPECT_EQ(notProved(), "");
  auto yield = cast<YieldOp>(fold.getStep().front().back());
  OpBuilder builder(yield);
  Value score = yield.getValues()[0];
  Value limit = ConstOp::create(builder, yield.getLoc(), 8.0);
  Value small = MapOp::create(builder, yield.getLoc(), Function::Lt,
                              ValueRange{score, limit});
  yield->setOperand(0, WhereOp::create(builder, yield.getLoc(), score, small));
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 guard"), std::string::npos) << rules;
}

/// Where nothing but an extent of 0 makes rows empty.
TEST_F(BrokenTest, GuardByTheWrongExtent) {
  emit("moments.mlir", "l2_weights");
  EXPECT_EQ(notProved(), "");
  MapOp some;
  for (Operation *op : emission.operations)
    if (auto map = dyn_cast<MapOp>(op);
        map && map.getFunction() == Function::Gt)
      some = map;
  ASSERT_TRUE(some);
  OpBuilder builder(some);
  some->setOperand(1, ConstOp::create(builder, some.getLoc(), int64_t(1)));
  std::string rules = notProved();
  EXPECT_NE(rules.find("R1 guard"), std::string::npos) << rules;
  some->setOperand(1, ConstOp::create(builder, some.getLoc(), int64_t(-1)));
  rules = notProved();
  EXPECT_NE(rules.find("R1 empty"), std::string::npos) << rules;
}

TEST_F(BrokenTest, FinishThatIsNotASum) {
  emit("softmax.mlir", "causal");
  // As if finishes of parts did not add up: (t + 1) / l.
  auto quotient = emission.unguarded.back().getDefiningOp<MapOp>();
  OpBuilder builder(quotient);
  Value one = ConstOp::create(builder, quotient.getLoc(), 1.0);
  Value more = MapOp::create(builder, quotient.getLoc(), Function::Add,
                             ValueRange{quotient.getOperands()[0], one});
  quotient->setOperand(0, more);
  std::string rules = notProved();
  EXPECT_NE(rules.find("R5 separate"), std::string::npos) << rules;
  EXPECT_NE(rules.find("R1 final"), std::string::npos) << rules;
}

/// No two obligations of a kernel are the same query.
TEST_F(BrokenTest, EveryObligationSaysSomethingOfItsOwn) {
  emit("softmax.mlir", "causal");
  llvm::StringMap<std::string> seen;
  for (const Duty &duty :
       writeObligations(kernel, *stream, plan, emission, terms)) {
    std::string hash = prover.prove(duty.obligation).hash;
    auto [it, isNew] = seen.try_emplace(hash, duty.obligation.name);
    EXPECT_TRUE(isNew) << duty.obligation.name << " is " << it->second;
  }
}

TEST_F(BrokenTest, MomentsWithAWrongBinomial) {
  emit("moments.mlir", "variance");
  EXPECT_EQ(notProved(), "");
  auto two = *fold.getAct().getOps<ConstOp>().begin();
  two->setAttr("value", OpBuilder(&context).getF64FloatAttr(3.0));
  std::string rules = notProved();
  EXPECT_NE(rules.find("R2 step"), std::string::npos) << rules;
}

TEST(RefusedTest, ARewriteThatIsNotProvedIsNotUsed) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = parseFile("softmax.mlir", context);
  auto kernel = module->lookupSymbol<KernelOp>("causal");
  DerivationLog log;
  DeriveOptions options;
  options.prove = [](const proof::Obligation &obligation) {
    return obligation.rule != "R5 separate" ||
           obligation.name.find(".O.") == std::string::npos;
  };
  ASSERT_TRUE(succeeded(deriveKernel(kernel, log, options)));
  ASSERT_TRUE(succeeded(verify(kernel)));
  // The sum that was refused is streamed again, as written.
  EXPECT_EQ(llvm::range_size(kernel.getBody().getOps<FoldOp>()), 2u);
  EXPECT_TRUE(llvm::any_of(log.entries, [](const DerivationEntry &entry) {
    return entry.kind == DerivationEntry::Refused && entry.name == "O";
  }));
}

} // namespace
