//===- Translate.h - Fields as terms ----------------------------*- C++ -*-===//
//
// Translates cascade operations into the terms of proofs, at one coordinate of
// everything. Real arithmetic is translated as it stands. What is computed in
// some other way (read, contracted, looked up) becomes a symbol, the same one
// wherever the same computation stands, also in a copy inside a region; if it
// depends on a bound value it becomes an uninterpreted function of that. So do
// values that are declared atomic: statements about them hold for what they
// stand for.
//
// Absence is left out: `where` is its value, and `or_else` the value that is
// there when everything complete is.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_TRANSLATE_H
#define EINFALL_PASSES_DERIVE_TRANSLATE_H

#include "dialect/Cascade/Cascade.h"
#include "passes/Proof/Term.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

#include <map>
#include <string>
#include <vector>

namespace einfall::derive {

/// Structural identity of values and the symbols that stand for them.
class SymbolTable {
public:
  explicit SymbolTable(proof::TermContext &terms) : terms(terms) {}

  /// Equal numbers for values that are computed in the same way.
  unsigned identity(mlir::Value value);
  /// The symbol of a value.
  proof::Term symbol(mlir::Value value);
  /// A symbol for whether a value is present (or, with `truth`, true).
  proof::Term fact(mlir::Value value, bool truth);
  /// A symbol with a name like `name`, not used otherwise.
  proof::Term fresh(llvm::StringRef name,
                    proof::Sort sort = proof::Sort::Real) {
    return terms.fresh(name, sort);
  }
  /// Makes a value, and all that is computed like it, a symbol.
  void makeAtomic(mlir::Value value) { atomic.insert(identity(value)); }
  bool isAtomic(mlir::Value value) { return atomic.contains(identity(value)); }
  /// A number for a computation with holes.
  unsigned shape(const std::string &text) {
    return numbers.try_emplace("shape" + text, numbers.size()).first->second;
  }

  proof::TermContext &terms;

private:
  llvm::DenseMap<mlir::Value, unsigned> identities;
  std::map<std::string, unsigned> numbers;
  std::map<std::pair<unsigned, int>, proof::Term> symbols;
  llvm::DenseSet<unsigned> atomic;
};

/// One reading of values, with some of them bound to terms.
class Translation {
public:
  explicit Translation(SymbolTable &symbols) : symbols(symbols) {}

  void bind(mlir::Value value, proof::Term term) { bound[value] = term; }
  proof::Term operator()(mlir::Value value);

  /// Conditions under which what was translated has a value: divisors are not
  /// 0, arguments of logarithms positive, of roots not negative.
  std::vector<proof::Term> defined;
  /// Arguments of the exponentials that were translated.
  std::vector<proof::Term> exponents;

private:
  proof::Term compute(mlir::Value value);
  std::optional<proof::Term> computeMap(cascade::MapOp map);
  proof::Term opaque(mlir::Value value);
  bool isBound(mlir::Value value);

  SymbolTable &symbols;
  llvm::DenseMap<mlir::Value, proof::Term> bound, done;
  llvm::DenseMap<mlir::Value, bool> dependent;
};

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_TRANSLATE_H
