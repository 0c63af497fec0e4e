//===- ObligationsTest.cpp - Rewrites are proved, broken ones refuted -----===//

#include "passes/Derive/Obligations.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/Groups.h"
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
