//===- SizeChoice.h - That no size of the CPU's tiles takes less -*- C++
//-*-===//
//
// A processor's program of tiles keeps groups of rows, as vectors in registers,
// and walks over a stream of keys in tiles. A claim of sizes says what the
// model (docs/decisions/0010-scheduler.md, "Tiles of the CPU") takes of the
// program and of the machine, which sizes there are to choose from, what each
// of them costs or needs too much of, and which was chosen. All of it is
// derived again from the first two, in exact arithmetic.
//
// What the claim is about is the reader's to see, as in Choice.h: the program,
// what its masks leave at the samples that the model takes, and the machine.
// Extents are those of the certificate.
//
// Units: clocks of a core for a row, bytes, elements.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_SIZECHOICE_H
#define EINFALL_PASSES_CERTIFICATE_SIZECHOICE_H

#include "passes/Certificate/Choice.h"

#include <map>

namespace einfall::certificate {

struct SizeChoice {
  /// Of a core, from the machine's description and the processor at hand.
  struct Figures {
    int64_t lanes = 0, registers = 0; ///< f32 of a vector; vectors
    int64_t l1Bytes = 0, l2Bytes = 0;
    int64_t cores = 0; ///< that share a launch
    /// In a clock: instructions on vectors, loads of vectors, bytes.
    mpq_class arithmetic, loads, bytesFromL2, bytesBeyondL2;
  } figures;
  int64_t keyBlock = 0; ///< keys of a register block

  /// An extent, or a product of them; assumed where the program takes any.
  struct Extent {
    std::vector<std::string> ranks;
    int64_t size = 0;
    bool isAssumed = false;
  };
  Extent rows, items;
  /// A walk over a stream.
  struct Fold {
    Extent keys;
    /// Elements of operands along contracted ranks: of all contractions, and of
    /// the longest; of accumulators along feature ranks, in whole blocks.
    int64_t contracted = 0, deepest = 0, features = 0;
    int64_t contractions = 0;
    int64_t instructions = 0; ///< of a vector of rows and a key
    bool moves = false;       ///< accumulators follow references
    bool isMasked = false;
  };
  std::vector<Fold> folds;

  /// What a mask leaves of one block of keys after the other.
  struct Run {
    enum class Kind { None, Some, All } kind = Kind::None;
    int64_t blocks = 0;
  };
  using Runs = std::vector<Run>;
  /// Sizes with so many row vectors in a group.
  struct Rows {
    int64_t vectors = 0;
    std::vector<int64_t> groups; ///< of an item
    /// For each masked fold, for each sampled group of rows.
    std::vector<std::vector<Runs>> masks;
  };
  std::vector<Rows> space;
  std::vector<int64_t> keys; ///< of a tile

  /// Of a row, in clocks of a core.
  struct Cost {
    mpq_class products, elements, accumulate, starts, packing, caches;
    mpq_class clocks; ///< all together
  };
  struct Candidate {
    int64_t vectors = 0, keys = 0, groups = 0;
    Cost cost; ///< if it fits
    // Otherwise:
    std::string excess; ///< "registers", ...; empty: it fits
    int64_t needs = 0, has = 0;
  };
  std::vector<Candidate> candidates; ///< in the order of the lists
  int64_t chosen = 0;                ///< the first of the least

  nlohmann::ordered_json toJSON() const;
};

/// What is wrong with `choice`, about a launch with these extents.
std::vector<ChoiceProblem>
checkSizes(const SizeChoice &choice,
           const std::map<std::string, int64_t> &extents);
/// Replaces the candidates and what is chosen by what is derived. Sizes have to
/// be such as `checkSizes` derives something from.
void complete(SizeChoice &choice);
/// "items of 768 rows in groups of 48, tiles of 128 keys: the least of 205 that
/// fit, of 312".
std::string describe(const SizeChoice &choice);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_SIZECHOICE_H
