//===- obligations.cpp - Prints the rule instances ------------------------===//
//
// `einfall-obligations [--mlir] NAME...` prints the named obligations of
// Rules.cpp as SMT-LIB, or as IR in the smt dialect, for lit tests.
//
//===----------------------------------------------------------------------===//

#include "Rules.h"

#include "passes/Proof/EmitSMT.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall::proof;

int main(int argc, char **argv) {
  llvm::ArrayRef<char *> names(argv + 1, argc - 1);
  bool ir = !names.empty() && llvm::StringRef(names.front()) == "--mlir";
  TermContext terms;
  std::vector<Obligation> chosen;
  for (RuleCase &rule : ruleCases(terms))
    for (Obligation &obligation : {std::ref(rule.right), std::ref(rule.broken)})
      if (llvm::is_contained(names.drop_front(ir), obligation.name))
        chosen.push_back(obligation);
  if (ir) {
    mlir::MLIRContext context;
    emitSMT(&context, chosen)->print(llvm::outs());
    return 0;
  }
  for (const Obligation &obligation : chosen) {
    mlir::FailureOr<std::string> text = toSMTLIB(obligation);
    if (mlir::failed(text))
      return 1;
    llvm::outs() << *text;
  }
  return 0;
}
