//===- EmitSMT.h - Obligations as IR and as SMT-LIB -------------*- C++ -*-===//
//
// An obligation after elimination becomes one `smt.solver` that asserts the
// assumptions and the negated claim: unsatisfiable means proved. MLIR's `smt`
// dialect has no theory of reals, so reals are values of the uninterpreted sort
// "Real" with functions `real.add`, `real.mul`, `real.lt`, `real.le`,
// `real.of_int` and constants `real.3/2`; read so, the IR is a weaker statement
// and still a correct one. The export interprets these names: they become the
// sort Real and +, *, <, <=, to_real and numerals of SMT-LIB, and their
// declarations are left out. The text is standard: any solver reads it.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_EMITSMT_H
#define EINFALL_PASSES_PROOF_EMITSMT_H

#include "passes/Proof/Eliminate.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/LLVM.h"

namespace mlir {
class MLIRContext;
class ModuleOp;
} // namespace mlir

namespace einfall::proof {

/// A module with one `smt.solver` per obligation, which carries its name, rule
/// and source as attributes `einfall.obligation`, `einfall.rule` and
/// `einfall.location`.
mlir::OwningOpRef<mlir::ModuleOp>
emitSMT(mlir::MLIRContext *context, llvm::ArrayRef<Obligation> obligations);

/// An SMT-LIB script, without comments, that asserts `assertions` and checks
/// them. They stand for the symbols' existence: sat means that they have a
/// model.
mlir::FailureOr<std::string> toScript(mlir::MLIRContext *context,
                                      llvm::ArrayRef<Term> assertions);

/// The assertions of an obligation: axioms and assumptions, and in `claim` also
/// the negation of what is to be proved.
std::vector<Term> assertions(const Elimination &elimination, bool claim);

/// The SMT-LIB text of an obligation, headed by comments that say what it is.
/// Its `check-sat` answers unsat if and only if the obligation is proved.
mlir::FailureOr<std::string> toSMTLIB(const Obligation &obligation);
/// The same where the script is at hand.
std::string withHeader(const Obligation &obligation, llvm::StringRef script);

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_EMITSMT_H
