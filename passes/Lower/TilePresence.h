//===- TilePresence.h - What exists in a tile -------------------*- C++ -*-===//
//
// Tells, by scalar code, whether a field exists everywhere in a tile (it is
// full: no test by element), nowhere (it is empty: skipped) or must be tested,
// and which part of the stream has anything at all for a block of rows. Each
// restriction, a condition or a read that may leave its tensor, is judged by
// its closed forms (passes/Regions), those that are proved; here they are put
// together and emitted. What they do not know, what depends on data within the
// tile or is marked as not proved, is partial: always sound.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_TILEPRESENCE_H
#define EINFALL_PASSES_LOWER_TILEPRESENCE_H

#include "passes/Lower/FieldEmitter.h"
#include "passes/Regions/Region.h"
#include "passes/Schedule/TilePlan.h"

namespace einfall {

/// Coordinates low <= x < high; i64.
struct Span {
  mlir::Value low, high;
};

/// Whether a field is present at all, and at some, coordinates of the box. Null
/// `always` is false, null `ever` is true: nothing is known.
struct Extremes {
  mlir::Value always, ever;
};

class PresenceEmitter : public FieldEmitter {
protected:
  using FieldEmitter::FieldEmitter;

  /// A block of rows times a tile of the stream, within their extents.
  struct Box {
    llvm::StringRef stream;
    std::map<llvm::StringRef, Span> ranks;
    Point point; ///< the coordinates that are the same in the whole box
  };

  /// Where `field` is present.
  Extremes presentOn(mlir::Value field, const Box &box);
  /// Always: every component takes something everywhere. Ever: some component
  /// may take something somewhere.
  Extremes presentOn(llvm::ArrayRef<Component> components, const Box &box);
  /// Where along the whole stream `field` may be present for the rows of the
  /// box; nothing where that is the whole stream.
  std::optional<Span> walkOf(mlir::Value field, const Box &box);

  Extremes allOf(Extremes x, Extremes y);
  Extremes anyOf(Extremes x, Extremes y);

private:
  /// The regions of one restriction; null where it has none that can be used.
  const regions::MaskRegions *regionsOf(mlir::Operation *op, const Box &box);
  mlir::Value emit(const regions::MaskRegions &regions, regions::Term form,
                   const Box &box);
  Extremes restrictedOn(mlir::Operation *op, const Box &box);
  Extremes known(bool value);

  std::map<std::pair<mlir::Operation *, llvm::StringRef>,
           std::optional<regions::MaskRegions>>
      analysed;
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_TILEPRESENCE_H
