//===- ObligationWriter.h - Writes obligations ------------------*- C++ -*-===//
//
// Private to Obligations*.cpp: names, states and translations that the kinds of
// obligations of Obligations.h share.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_OBLIGATIONWRITER_H
#define EINFALL_PASSES_DERIVE_OBLIGATIONWRITER_H

#include "passes/Derive/Obligations.h"
#include "passes/Derive/Translate.h"

namespace einfall::derive {

class Existence;

/// One term per component of the plan; null where it has none.
using State = llvm::DenseMap<unsigned, proof::Term>;

/// Writes the obligations of one emission.
class ObligationWriter {
public:
  ObligationWriter(cascade::KernelOp kernel, Stream &stream, const Plan &plan,
                   const Emission &emission, proof::TermContext &terms)
      : stream(stream), plan(plan), emission(emission), terms(terms),
        symbols(terms),
        prefix((kernel.getSymName() + "." + llvm::join(stream.getRanks(), "."))
                   .str()) {}

  std::vector<Duty> run() {
    nameComponents();
    declareAtoms();
    for (auto [number, component] : llvm::enumerate(plan.components))
      if (component.reference || component.centre)
        writeActions(number);
    for (cascade::FoldOp fold : emission.folds)
      writeRange(fold);
    for (auto [number, finish] : llvm::enumerate(plan.finishes))
      writeFinish(number, finish);
    for (auto [number, finish] : llvm::enumerate(plan.finishes)) {
      writeMember(number, finish);
      writeGuard(number, finish);
    }
    for (size_t i = 0; i < plan.rewritten.size(); ++i)
      writeRewritten(i);
    return std::move(duties);
  }

private:
  void nameComponents();
  void declareAtoms();
  void bindComplete(Translation &translation);
  cascade::FoldOp foldOf(unsigned number) {
    return llvm::cast<cascade::FoldOp>(
        emission.results[number].getDefiningOp());
  }
  unsigned positionOf(unsigned number) {
    return llvm::cast<mlir::OpResult>(emission.results[number])
        .getResultNumber();
  }
  llvm::SmallVector<unsigned> componentsOf(cascade::FoldOp fold);

  /// What enters component `number` under these references; `defined` gets the
  /// conditions that it has a value and that no reference stands in.
  proof::Term enter(unsigned number, const State &references,
                    std::vector<proof::Term> *defined = nullptr);
  /// Component `number` of `state` taken from references `before` to `after`.
  proof::Term act(unsigned number, const State &before, const State &after,
                  const State &state);
  State fresh(cascade::FoldOp fold, bool references, llvm::StringRef suffix);
  State zero(cascade::FoldOp fold, bool references);
  /// The finish of a member for a state of its accumulators.
  proof::Term finishTerm(const Finish &finish, mlir::Value value,
                         const State &state, Translation &translation);
  proof::Term sortedZero(unsigned number) {
    return terms.constant(
        proof::Rational(0),
        cascade::fieldType(emission.results[number]).getKind() ==
                cascade::Kind::Int
            ? proof::Sort::Int
            : proof::Sort::Real);
  }
  /// Members as what their finish makes of their components.
  std::vector<proof::Term> definitions(proof::Term of, const Finish *except);
  std::vector<proof::Term> positives(proof::Term written);

  void writeActions(unsigned number);
  void writeRange(cascade::FoldOp fold);
  void writeFinish(unsigned number, const Finish &finish);
  void writeDomain(const Finish &finish, unsigned component,
                   const std::string &name);
  void writeRewritten(unsigned number);
  /// "O", or "member1" where it has no name.
  std::string nameOf(unsigned finish);
  void provePositive(cascade::ReduceOp member);

  // Rows with something in them, and empty ones.
  void writeMember(unsigned number, const Finish &finish);
  void writeGuard(unsigned number, const Finish &finish);
  void writeRewrittenGuard(unsigned number, const std::string &name,
                           llvm::ArrayRef<mlir::Operation *> members);
  bool isGuardedWidely(const Finish &finish);
  proof::Term streamed();
  void bindPresence(Existence &there);
  proof::Term enters(Existence &there, unsigned number, unsigned at);
  std::vector<proof::Term> entries(Existence &there, proof::Term exists,
                                   llvm::ArrayRef<unsigned> accumulators);
  void positiveSums(Existence &there, proof::Term exists, proof::Term form,
                    std::vector<proof::Term> &given);

  /// An obligation that several members share is stated once.
  void add(const std::string &name, llvm::StringRef rule, mlir::Location loc,
           std::vector<proof::Term> assumptions, proof::Term goal,
           llvm::ArrayRef<mlir::Operation *> members, bool monotone = false);
  /// The members that use a component.
  llvm::SmallVector<mlir::Operation *> usersOf(unsigned component);

  Stream &stream;
  const Plan &plan;
  const Emission &emission;
  proof::TermContext &terms;
  SymbolTable symbols;
  std::string prefix;
  std::vector<std::string> names;
  llvm::StringMap<unsigned> used;
  /// The final state.
  State finals;
  /// Members and components.
  llvm::DenseSet<mlir::Value> provedPositive;
  std::vector<Duty> duties;
};

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_OBLIGATIONWRITER_H
