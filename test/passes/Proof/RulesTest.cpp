//===- RulesTest.cpp - Rules are proved, broken ones are refuted ----------===//

#include "Rules.h"

#include "passes/Proof/EmitSMT.h"
#include "passes/Proof/Prover.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

using namespace einfall::proof;

static std::string describe(const Assignment &assignment) {
  std::string text;
  for (auto &[name, value] : assignment)
    text += name + " = " + value + "; ";
  return text;
}

TEST(Rules, AreProved) {
  TermContext context;
  Prover prover;
  for (RuleCase &rule : ruleCases(context)) {
    Verdict verdict = prover.prove(rule.right);
    EXPECT_EQ(toString(verdict.status), "proved")
        << rule.right.name << ": " << verdict.reason << describe(verdict.model)
        << "\n"
        << verdict.script;
    EXPECT_FALSE(verdict.vacuous) << rule.right.name;
  }
  EXPECT_EQ(prover.solverStarts(), 1u);
}

TEST(Rules, BrokenOnesAreRefutedByTheSolver) {
  TermContext context;
  Prover prover;
  for (RuleCase &rule : ruleCases(context)) {
    Verdict verdict = prover.prove(rule.broken);
    EXPECT_EQ(toString(verdict.status), "refuted")
        << rule.broken.name << ": " << verdict.reason << "\n"
        << verdict.script;
    EXPECT_FALSE(verdict.model.empty()) << rule.broken.name;
  }
}

TEST(Rules, BrokenOnesAreRefutedByAPoint) {
  TermContext context;
  for (RuleCase &rule : ruleCases(context)) {
    EXPECT_TRUE(findCounterexample(rule.broken)) << rule.broken.name;
    std::optional<Assignment> point = findCounterexample(rule.right);
    EXPECT_FALSE(point) << rule.right.name << " at " << describe(*point);
    EXPECT_TRUE(findModel(rule.right)) << rule.right.name;
  }
}

/// The first word that cvc5 says to `script`.
static std::string askCvc5(llvm::StringRef cvc5, llvm::StringRef script) {
  llvm::SmallString<128> in, out;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("rule", "smt2", in));
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("rule", "out", out));
  std::error_code failure;
  {
    llvm::raw_fd_ostream file(in, failure);
    file << script;
  }
  llvm::StringRef outPath(out);
  llvm::sys::ExecuteAndWait(cvc5, {cvc5, in}, std::nullopt,
                            {std::nullopt, outPath, llvm::StringRef()},
                            /*SecondsToWait=*/30);
  auto buffer = llvm::MemoryBuffer::getFile(out);
  std::string answer =
      buffer ? (*buffer)->getBuffer().split('\n').first.str() : "";
  llvm::sys::fs::remove(in);
  llvm::sys::fs::remove(out);
  return answer;
}

TEST(Rules, Cvc5Agrees) {
  auto cvc5 = llvm::sys::findProgramByName("cvc5");
  if (!cvc5)
    GTEST_SKIP() << "cvc5 is not installed: the cross-check did not run";
  TermContext context;
  for (RuleCase &rule : ruleCases(context)) {
    mlir::FailureOr<std::string> text = toSMTLIB(rule.right);
    ASSERT_TRUE(mlir::succeeded(text)) << rule.right.name;
    EXPECT_EQ(askCvc5(*cvc5, *text), "unsat") << rule.right.name << "\n"
                                              << *text;
  }
}
