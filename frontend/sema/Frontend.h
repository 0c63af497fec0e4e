//===- Frontend.h - From Ein text to elaborated kernels ---------*- C++ -*-===//
//
// The front end in one call. Needs nothing of MLIR; Emit.h turns its result
// into the cascade dialect.
//
//   SourceManager sources;
//   DiagnosticEngine diagnostics;
//   unsigned id = sources.add("attention.ein", text);
//   llvm::FailureOr<Program> program =
//       analyze(sources, id, options, diagnostics);
//   printText(llvm::errs(), sources, diagnostics, wantsColour());
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_FRONTEND_H
#define EINFALL_FRONTEND_SEMA_FRONTEND_H

#include "frontend/sema/Elaborated.h"
#include "frontend/syntax/Diagnostics.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/LogicalResult.h"

namespace einfall::ein {

struct FrontendOptions {
  /// Extents bound at compile time: `-D e=128`.
  llvm::StringMap<int64_t> defines;
  /// Whether the prelude is read first.
  bool prelude = true;
};

/// All kernels of one file, in order of appearance.
struct Program {
  std::vector<ElaboratedKernel> kernels;

  /// The kernel of that name, or null.
  const ElaboratedKernel *find(llvm::StringRef name) const;
};

/// Parses and analyses text `buffer` of `sources`. The prelude is added to
/// `sources` as "prelude.ein". On failure at least one error is in
/// `diagnostics`; warnings may be there on success too. A file without kernels
/// succeeds: its defs are checked.
llvm::FailureOr<Program> analyze(SourceManager &sources, unsigned buffer,
                                 const FrontendOptions &options,
                                 DiagnosticEngine &diagnostics);

/// The kernel as Ein with every implied sum written, defs inlined and indices
/// spelled out: what `einfall check --explicit` prints. With `withTypes` each
/// equation is followed by its type and whether it may be absent.
void printExplicit(llvm::raw_ostream &os, const ElaboratedKernel &kernel,
                   bool withTypes = false);

/// The expression of one node in Ein, for messages and tables.
std::string printNode(const ElaboratedKernel &kernel, NodeId node);

/// The text of the prelude.
llvm::StringRef getPrelude();

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_FRONTEND_H
