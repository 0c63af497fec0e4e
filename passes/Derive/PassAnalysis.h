//===- PassAnalysis.h - How often a cascade traverses a rank ----*- C++ -*-===//
//
// A *pass* over a rank is a traversal of all its coordinates; a cascade needs
// one more wherever a value that is complete only after the traversal meets
// the elements again (FuseMax, section III). The count is a longest chain of
// barriers in the dependence graph: linear time, independent of any mapping,
// and a statement about this cascade, not about the function it computes.
//
// With respect to one rank every value is
//   independent   does not depend on a traversal of the rank;
//   carried(l)    its element at a coordinate is there during traversal l;
//   done(l)       complete once traversal l has ended.
// An operation that iterates the rank stands at the greatest level of its
// operands, where independent counts 1, carried(l) l and done(l) l + 1.
//
// A fold streams its ranks once, so it is one level. Within one tile of the
// stream its references are barriers: they are complete only once the tile's
// own values are in. That part of rank "m" is reported as rank "m.0".
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_PASSANALYSIS_H
#define EINFALL_PASSES_DERIVE_PASSANALYSIS_H

#include "llvm/ADT/StringRef.h"

#include <set>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm
namespace mlir {
class Location;
class Operation;
} // namespace mlir

namespace einfall {
namespace cascade {
class KernelOp;
} // namespace cascade

/// One operation of a certificate: it ends (or, last in the chain, is part of)
/// traversal `level`, and needs the result of the link before it.
struct PassLink {
  /// Valid as long as the kernel is not changed.
  mlir::Operation *op = nullptr;
  unsigned level = 0;
  /// The name the user gave the value, or what the operation is.
  std::string name;
  /// "max over m", "sum over m", "fold over m", "exp".
  std::string what;
  /// "attention.ein:7:14", empty where unknown.
  std::string location;
};

/// The traversals in which the elements of an input, or what is computed from
/// them coordinate by coordinate, are used.
struct PassReads {
  std::string tensor;
  std::set<unsigned> levels;
};

struct RankPasses {
  /// A rank name, or the part of it within a tile: "m.0".
  std::string rank;
  unsigned passes = 0;
  /// One link a level: the proof that fewer passes do not do.
  std::vector<PassLink> chain;
  std::vector<PassReads> reads;
};

struct PassReport {
  /// The ranks that the kernel reduces or streams, in order of appearance.
  std::vector<RankPasses> ranks;

  /// Passes over `rank`: 1 for a rank that nothing reduces.
  unsigned passes(llvm::StringRef rank) const;
  const RankPasses *find(llvm::StringRef rank) const;
  void print(llvm::raw_ostream &os) const;
};

PassReport analysePasses(cascade::KernelOp kernel);

/// The name in the innermost NameLoc of `op`, or "".
std::string givenName(mlir::Operation *op);
/// "max over m", "sum over j, r", "exp": what an operation does, in words.
std::string describe(mlir::Operation *op);
/// "file:line:column", or "" where the location names no file.
std::string describe(mlir::Location loc);

} // namespace einfall

#endif // EINFALL_PASSES_DERIVE_PASSANALYSIS_H
