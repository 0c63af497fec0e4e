//===- Existence.h - Presence as truth values -------------------*- C++ -*-===//
//
// Translates the presence of fields, and the conditions that presence hangs on,
// into truth values, at a few named coordinates of the stream: what an
// obligation about empty rows speaks of. Everything that does not stream is the
// same at all of them. Values are translated only as far as conditions and
// guards need them; Translate.h does the arithmetic.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_EXISTENCE_H
#define EINFALL_PASSES_DERIVE_EXISTENCE_H

#include "passes/Derive/Stream.h"
#include "passes/Derive/Translate.h"

namespace einfall::derive {

class Existence {
public:
  Existence(SymbolTable &symbols, Stream &stream)
      : symbols(symbols), stream(stream) {}

  /// What is known of a field; forgets what was translated with less.
  void bind(mlir::Value field, proof::Term present, proof::Term value);
  /// `field` is where `by` is.
  void replace(mlir::Value field, mlir::Value by) { replaced[field] = by; }

  /// Whether the field is present at coordinate number `at` of the stream.
  proof::Term present(mlir::Value field, unsigned at);
  /// Its value there, if it is.
  proof::Term value(mlir::Value field, unsigned at);

  /// What holds of the symbols used so far: coordinates are not negative.
  std::vector<proof::Term> given;

private:
  struct Known {
    proof::Term present, value;
  };
  proof::Term computePresent(mlir::Value field, unsigned at);
  proof::Term computeValue(mlir::Value field, unsigned at);
  std::optional<proof::Term> compareComplete(cascade::MapOp map);
  /// A truth value of which nothing is known.
  proof::Term atom(mlir::Value field, bool truth, unsigned at);

  SymbolTable &symbols;
  Stream &stream;
  llvm::DenseMap<mlir::Value, Known> bound;
  llvm::DenseMap<mlir::Value, mlir::Value> replaced;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, proof::Term> presents,
      values;
  std::map<std::tuple<unsigned, bool, unsigned>, proof::Term> atoms;
};

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_EXISTENCE_H
