//===- Choice.h - That no tile of a space takes less ------------*- C++ -*-===//
//
// A program for a GPU walks over a stream of keys in tiles. A claim of choice
// says what the model (docs/decisions/0010-scheduler.md) takes of the program
// and of the machine, which shapes of tiles there are to choose from, what each
// of them costs or needs too much of, and which was chosen. All of it is
// derived again from the first two, in exact arithmetic.
//
// What the claim is about, the program and the machine, is the reader's to see,
// as everything else that a certificate is about (Check.h); so is that the
// model tells the truth.
//
// Units: clocks of a unit (an SM), bytes, registers of 32 bits.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_CHOICE_H
#define EINFALL_PASSES_CERTIFICATE_CHOICE_H

#include "passes/Certificate/Result.h"

#include <gmpxx.h>
#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einfall::certificate {

struct Choice {
  /// One warpgroup copies boxes and one to three multiply, or all warps do
  /// both.
  enum class Program { Warpgroups, Blocks } program = Program::Blocks;

  /// Figures of the machine's description.
  struct Figures {
    int64_t warpLanes = 0;
    int64_t matrixFlopPerClock = 0; ///< on the operands; 0: none takes them
    int64_t fmaFlopPerClock = 0, specialPerClock = 0;
    int64_t sharedBytesPerClock = 0;
    mpq_class copyBytesPerClock; ///< an even share of L2's
    int64_t barrierClocks = 0;
    // Of a block:
    int64_t threads = 0, registersPerThread = 0, sharedBytes = 0;
    // Of a unit; of a program of warpgroups only the registers.
    int64_t unitRegisters = 0, unitThreads = 0, unitBlocks = 0;
    int64_t unitSharedBytes = 0, sharedReservedBytes = 0;
    int64_t registersPerWarpUnit = 0;
  } figures;

  /// Elements of an operand along its inner rank, padded.
  struct Operand {
    int64_t width = 0, bytes = 0; ///< elements, and of one
    bool copied = false;          ///< by the machine, 16 bytes at a time
  };
  /// A walk over a stream.
  struct Fold {
    std::vector<Operand> contractions; ///< of rows with keys: scores
    std::vector<Operand> panels;       ///< of weights with keys: accumulators
    int64_t weights = 0;               ///< kinds of weights
    int64_t storedWeights = 0;         ///< of them, in shared memory as f32
    /// Of a row and a key: special functions, and halves of instructions.
    int64_t special = 0, halves = 0;
    /// Of a row of a tile: special functions, and instructions.
    int64_t rowSpecial = 0, rowInstructions = 0;
  };
  std::vector<Fold> folds;
  int64_t items = 0;           ///< ranks that blocks have one coordinate of
  std::optional<int64_t> rows; ///< of an item, if known

  /// All shapes with one of each list.
  struct Rows {
    int64_t warps = 0, fragments = 0; ///< fragments of 16 rows in each warp
  };
  std::vector<Rows> warps;
  std::vector<int64_t> keys, stages;

  /// Of a tile of a fold, in clocks.
  struct Cost {
    mpq_class contraction, panels, special, arithmetic, shared, copies, waits;
    mpq_class clocks;
  };
  struct Candidate {
    Rows warps;
    int64_t keys = 0, stages = 0;
    // If it fits:
    int64_t registers = 0, sharedBytes = 0;
    int64_t resident = 0; ///< blocks that a unit has room for
    std::vector<Cost> folds;
    mpq_class clocks; ///< of a row and a key
    // Otherwise:
    std::string excess; ///< "registers", ...; empty: it fits
    int64_t needs = 0, has = 0;
  };
  std::vector<Candidate> candidates; ///< in the order of the lists
  int64_t chosen = 0;                ///< the first of the least

  /// How blocks of a launch with the certificate's extents share work: by
  /// themselves with the chosen tile, or with another one as rows of several
  /// items that read the same keys, or parts of streams, merged by a second
  /// launch.
  struct Launch {
    int64_t units = 0;            ///< of the machine
    int64_t launchClocks = 0;     ///< that a second launch adds
    int64_t bytesPerClock = 0;    ///< from L2, to all units
    int64_t memoryClocks = 0;     ///< of a load from memory
    int64_t cacheClocks = 0;      ///< and from L2
    int64_t mostParts = 0;        ///< that are tried
    int64_t splits = 0;           ///< 1: there is a version with parts
    int64_t stateBytes = 0;       ///< that a part leaves of a row
    int64_t items = 0, rows = 0;  ///< of the launch, and of an item
    int64_t group = 0;            ///< items that read the same keys
    std::vector<int64_t> streams; ///< keys of each fold
    /// The tile of the versions whose blocks share work: one, from a space of
    /// one.
    std::vector<Choice> sharing;
    struct Way {
      int64_t packed = 0, parts = 0;
      int64_t blocks = 0, busiest = 0; ///< in all, and of the busiest unit
      int64_t clocks = 0;
    };
    std::vector<Way> ways;
    /// Packed rows where they halve the blocks and take no longer; of all
    /// numbers of parts the fewest that take least, where that is less.
    int64_t taken = 0;
  };
  std::optional<Launch> launch;

  nlohmann::ordered_json toJSON() const;
};

struct ChoiceProblem {
  std::string path; ///< "candidates[3].clocks"
  std::string message;
};
/// What is wrong with `choice`.
std::vector<ChoiceProblem> checkChoice(const Choice &choice);
/// Replaces the candidates and what is chosen by what is derived.
void complete(Choice &choice);
/// "tiles of 128 rows and 112 keys in 2 stages: the least of 20 that fit, of
/// 72".
std::string describe(const Choice &choice);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_CHOICE_H
