//===- RowsForm.h - Kernels that fit the few-rows lowering ------*- C++ -*-===//
//
// The form of FoldToRows.h, read off a kernel or refused with the reason.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_ROWSFORM_H
#define EINFALL_PASSES_LOWER_ROWSFORM_H

#include "dialect/Cascade/Cascade.h"

namespace einfall::rows {

/// One component of the state.
struct Component {
  cascade::Monoid monoid;
  cascade::Kind kind;
  bool isReference;
  llvm::StringRef column; ///< empty: one number a row
  mlir::Value entering;   ///< what the step yields

  /// Whether "nothing yet" needs a flag of its own.
  bool hasFlag() const {
    return monoid == cascade::Monoid::Max || monoid == cascade::Monoid::Min ||
           monoid == cascade::Monoid::First;
  }
};

/// A kernel that this lowering takes.
struct Form {
  cascade::FoldOp fold;
  llvm::StringRef stream;
  llvm::SmallVector<llvm::StringRef> rowRanks;
  llvm::SmallVector<Component> components;
  llvm::SmallVector<cascade::ReduceOp>
      rowReductions; ///< outside the fold, one number a row

  static llvm::FailureOr<Form> of(cascade::KernelOp kernel,
                                  std::string &reason);
};

} // namespace einfall::rows

#endif // EINFALL_PASSES_LOWER_ROWSFORM_H
