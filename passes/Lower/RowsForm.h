//===- RowsForm.h - Kernels that fit the few-rows lowering ------*- C++ -*-===//
//
// The form of FoldToRows.h, read off a kernel or refused with the reason.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_ROWSFORM_H
#define EINFALL_PASSES_LOWER_ROWSFORM_H

#include "passes/Schedule/Quotient.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

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

/// Which rows read the same parts of what is streamed.
struct Sharing {
  /// A rank along which rows read the same: all of them or, with quotients,
  /// those of a run.
  struct Rank {
    llvm::StringRef name;
    llvm::SmallVector<Quotient> quotients;
  };
  llvm::SmallVector<Rank> ranks;
  /// The indices that are equal for rows of one run. Whether they are, where
  /// runs differ in length, is looked at when the kernel runs.
  llvm::SmallVector<mlir::Value> indices;
  /// Reads along the stream, by its own coordinate, and along one more rank.
  struct Streamed {
    cascade::ReadOp read;
    llvm::StringRef along;
  };
  llvm::SmallVector<Streamed> streamed;

  /// Rows of one block at most: their states should stay in a cache.
  static constexpr int64_t mostRows = 32;

  static Sharing of(cascade::KernelOp kernel, llvm::StringRef stream,
                    llvm::ArrayRef<llvm::StringRef> rowRanks);

  /// The rows of a full block, where the extents say it.
  std::optional<int64_t>
  rowsOfBlock(const llvm::StringMap<int64_t> &extents) const;
  /// The rows whose sums are in registers at one time.
  unsigned rowsTogether(const llvm::StringMap<int64_t> &extents,
                        unsigned registers) const;
};

/// A kernel that this lowering takes.
struct Form {
  cascade::FoldOp fold;
  llvm::StringRef stream;
  llvm::SmallVector<llvm::StringRef> rowRanks;
  llvm::SmallVector<Component> components;
  llvm::SmallVector<cascade::ReduceOp>
      rowReductions; ///< outside the fold, one number a row
  Sharing sharing;
  bool hasContraction = false; ///< of what is streamed, for every key

  bool hasColumns() const {
    return llvm::any_of(components, [](const Component &component) {
      return !component.column.empty();
    });
  }

  static llvm::FailureOr<Form> of(cascade::KernelOp kernel,
                                  std::string &reason);

private:
  /// `findColumn`: one of the rows' ranks may be a column if none else is.
  static llvm::FailureOr<Form> of(cascade::KernelOp kernel, std::string &reason,
                                  bool findColumn);
};

} // namespace einfall::rows

#endif // EINFALL_PASSES_LOWER_ROWSFORM_H
