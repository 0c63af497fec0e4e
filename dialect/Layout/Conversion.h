//===- Conversion.h - From one register layout to another -------*- C++ -*-===//
//
// Two register layouts (register, lane, warp, ...) -> element say where a tile
// is and where it should be. How dear the way is follows from who holds what:
//
//   Nothing       every register holds already what it should
//   Registers     the element is in the same thread, in the same other register
//                 for all threads: a renaming, no instruction
//   Shuffle       the element is in the same warp: rounds of a shuffle, where
//   in
//                 a round every lane offers one 32-bit register and reads what
//                 one lane offers
//   SharedMemory  the element is in another warp
//
// Elements narrower than 32 bits travel in packs where both layouts keep the
// packs together. The rounds of a shuffle are an edge colouring of the
// bipartite graph of moves (lanes that offer, lanes that receive): by Koenig's
// theorem as many as the busiest lane sends or receives, the least there can be
// if every value goes to one lane. Where values go to several, rounds in which
// they share an offer are tried greedily and taken if they are fewer. Elements
// that the source holds several times are taken from the nearest holder.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_CONVERSION_H
#define EINFALL_DIALECT_LAYOUT_CONVERSION_H

#include "dialect/Layout/Layout.h"

namespace einfall::layout {

enum class ConversionKind { Nothing, Registers, Shuffle, SharedMemory };

/// What a lane does in a round; -1 where it does nothing.
struct LaneMove {
  int64_t offers = -1;   ///< source register, first of its pack
  int64_t from = -1;     ///< the lane whose offer it reads
  int64_t receives = -1; ///< target register, first of its pack
};

struct Conversion {
  ConversionKind kind = ConversionKind::Nothing;
  /// Elements that move together in one register.
  int64_t pack = 1;
  /// Registers: for each target register the source register.
  std::vector<int64_t> sources;
  /// Shuffle: rounds[round][warp * lanes + lane].
  std::vector<std::vector<LaneMove>> rounds;
  /// Shuffle: elements that a thread has already, [thread][target register] is
  /// the source register or -1.
  std::vector<std::vector<int64_t>> kept;
};

/// How `source` becomes `target`: layouts with the same outputs and the same
/// numbers of lanes and other threads. Fails where an element of the target is
/// nowhere in the source. `elementBytes` is 1, 2 or 4 (wider ones count as 4
/// and move in several shuffles per round).
OrError<Conversion> convert(const Layout &source, const Layout &target,
                            int64_t elementBytes);

const char *conversionName(ConversionKind kind);

} // namespace einfall::layout

#endif // EINFALL_DIALECT_LAYOUT_CONVERSION_H
