//===- BlockPlan.h - How a kernel of folds is tiled for a GPU ---*- C++ -*-===//
//
// Decides the shape of the block program: how many rows a block of threads
// keeps, how many keys of the stream it takes at a time, which contractions go
// to matrix units, and how much shared memory that takes.
//
// The program, for one block (a coordinate of every item rank and a block of
// rows): a warp keeps fragments of 16 rows. Scores S = Q K^T and accumulators
// O lie in the registers of the 16 x 8 accumulator fragment (lane / 4 is the
// row, 2 (lane mod 4) the column, two columns and two rows 8 apart in a lane),
// so a row lies in the four lanes of a quad, weights become an operand without
// moving, and everything between two contractions is arithmetic in registers.
// Where operands are no 16-bit numbers, the same fragments are computed with
// fused multiply-adds.
//
// Hopper's program (Staging::Boxes; FlashAttention-3) has roles instead: a
// producer copies boxes of tensors, one to three *consumer* warpgroups keep 64
// rows each and multiply from shared memory, their accumulators in the same
// fragments. Products run while threads go on: scores of a tile and, one tile
// behind, the accumulators of the tile before.
//
// Where there are few blocks for a chip, or several rows of items read the same
// keys, blocks may share the work otherwise (docs/decisions/0007; BlockForm).
//
// Limits: those of passes/Schedule/TilePlan.h.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_BLOCKPLAN_H
#define EINFALL_PASSES_SCHEDULE_BLOCKPLAN_H

#include "codegen/targets/Machine.h"
#include "dialect/Device/Device.h"
#include "passes/Schedule/LaunchCost.h"
#include "passes/Schedule/Quotient.h"
#include "passes/Schedule/TilePlan.h"

namespace einfall {

/// What tiling needs to know of a GPU.
struct DeviceMachine {
  std::string target;
  int64_t sharedBytes = 0; ///< of a block, at most
  /// Copies of boxes (TMA) and products of warpgroups (wgmma).
  bool hasWarpgroups = false;
  /// The user lets f32 operands of contractions be rounded to tf32.
  bool tf32 = false;
  int64_t sms = 1;
  int64_t sharedPerSm = 0; ///< bytes; a block takes sharedReserved more
  int64_t sharedReserved = 0;
  int64_t registersPerThread = 0;
  Machine description; ///< that all of this is taken from
  /// The parts of a stream that the user asks for; 1: blocks share nothing.
  std::optional<int64_t> splits;

  /// What `machine` offers.
  static DeviceMachine of(const Machine &machine);
};

/// How operands come to shared memory, and so what a version relies on.
enum class Staging {
  /// Evaluated by threads: takes anything.
  Elements,
  /// Copied by the machine 16 bytes at a time: relies on reads of operands
  /// being
  /// dense along their inner rank, and on addresses and other strides that are
  /// multiples of 16 bytes.
  Chunks,
  /// Copied by one thread as boxes of tensors, with swizzled rows of 128 bytes:
  /// relies on that, on strides above 0 and on extents that are not 0.
  Boxes,
};

/// An operand that lies in shared memory as [row][element of a rank].
struct SharedOperand {
  Factors factors;
  llvm::StringRef outer, inner; ///< ranks of its two dimensions
  int64_t extent = 0;           ///< of `inner`
  /// 16-bit numbers for the matrix units, else f32.
  std::optional<device::Pair> pair;
  int64_t rows = 0;     ///< of the tile
  int64_t rowBytes = 0; ///< distance of rows: padded, so that banks differ
  int64_t offset = 0;   ///< in shared memory, of the first stage
  /// The machine copies it from where it lies in memory while threads compute,
  /// 16 bytes at a time.
  bool direct = false;
  /// The launch's map that describes it (Boxes).
  unsigned map = 0;
  /// Elements in the rows of a box, and bytes of a box: `rows` of 128 bytes. An
  /// operand is boxes side by side.
  static constexpr int64_t boxElements = 64, boxRowBytes = 128;
  int64_t boxes() const { return (extent + boxElements - 1) / boxElements; }
  int64_t boxBytes() const { return rows * boxRowBytes; }
  /// Elements of `inner` come to products in multiples of these: as columns, or
  /// as the depth of mma. What wgmma contracts comes in twice as many.
  int64_t unit = 8;
  /// `extent` rounded up to what is multiplied; the rest is zero.
  int64_t padded() const { return (extent + unit - 1) / unit * unit; }
  int64_t elementBytes() const { return pair ? 2 : 4; }
};

/// A contraction: `rest` scales what the operands give.
struct BlockContraction {
  mlir::Value result;
  SharedOperand rows, keys;
  Factors rest;
  llvm::SmallVector<mlir::Value> conditions;
  /// The reference, if any, that is the greatest of the results, which serve
  /// for nothing but their distances from it. Both then stay without `rest`, a
  /// number c of the kernel, until a distance becomes a weight: one product
  /// less for every score. Where c is negative the scores change their sign.
  std::optional<unsigned> unscaledReference;
};

/// An accumulator over a feature rank.
struct BlockMatrix {
  const Component *component;
  SharedOperand panel;
  unsigned weights; ///< which of the weights
};

struct BlockWeights {
  Factors factors;
  llvm::SmallVector<mlir::Value> conditions;
  /// Where the weights lie for fused multiply-adds: [row][key] of f32.
  std::optional<int64_t> offset;
};

struct BlockFold {
  const FoldPlan *plan;
  std::vector<BlockContraction> contractions;
  std::vector<BlockMatrix> matrices;
  std::vector<BlockWeights> weights;
  /// From one tile of keys in shared memory to the next.
  int64_t stageBytes = 0;
  int64_t barriers = 0; ///< where barriers lie in shared memory (Boxes)
};

/// The parts of a tile that are not for the plan to choose.
struct TileChoice {
  std::optional<int64_t> rows, keys, stages;

  explicit operator bool() const { return rows || keys || stages; }
};

/// What a version of the block program is to be.
struct BlockForm {
  BlockForm(Staging staging) : staging(staging) {}
  BlockForm(Staging staging, bool splits, bool packs)
      : staging(staging), splits(splits), packs(packs) {}

  Staging staging;
  /// Blocks take parts of the stream, which a second launch merges.
  bool splits = false;
  /// The rows of a block are of all items that read the same keys (with
  /// `splits`: where there are such).
  bool packs = false;
  TileChoice tile;
  /// Without a `tile`, the kernel's `schedule` is obeyed.
  bool obeysSchedule = true;
};

/// An item rank whose coordinates lie in the rows of a block: row r of the
/// group g is coordinate g n + r mod n of it, and r / n of the row rank, where
/// n coordinates read the same keys.
struct PackedRank {
  llvm::StringRef rank;
  /// By these keys depend on it; none: not at all.
  llvm::SmallVector<Quotient> quotients;
  /// n, where it is known.
  std::optional<int64_t> group;
};

/// How rows of weights lie in shared memory for fused multiply-adds: so many
/// bytes apart, and further by a pad after every `every` of 8.
struct WeightRows {
  int64_t rowBytes = 0, every = 8, padBytes = 0;
  int64_t bytesOfEight() const { return 8 * rowBytes + 8 / every * padBytes; }
};

/// Versions that a launch chooses from by what it takes: this one, whose blocks
/// share work, against those that share less.
struct LaunchComparison {
  LaunchMachine machine;
  LaunchTerms own, alone;
  std::optional<LaunchTerms> packed; ///< if there is such a version
};

struct BlockPlan {
  TilePlan tiles;         ///< the analysis of ranks and folds
  unsigned warps = 4;     ///< of a block
  unsigned fragments = 1; ///< of 16 rows, in each warp
  int64_t keys = 64;      ///< of a tile
  int64_t stages = 1;     ///< tiles of keys that lie in shared memory at once
  int64_t shared = 0;     ///< bytes
  /// Of a thread that keeps rows, as far as the plan counts them.
  int64_t registers = 0;
  /// They are more than there are, and no shape takes fewer.
  bool spills = false;
  /// What the user fixed of the shape.
  TileChoice fixed;
  /// Rows of an item, where they are known.
  std::optional<int64_t> rowCount;
  /// What a thread of the producer and of the consumers has (Boxes); 0: as many
  /// as the threads of a block can have evenly.
  int64_t producerRegisters = 0, consumerRegisters = 0;
  /// Every contraction is one of 16-bit operands.
  bool onMatrixUnits = false;
  /// f32 operands are rounded to tf32 and go to matrix units too.
  bool tf32 = false;
  Staging staging = Staging::Elements;
  /// Where the block's number of rows and its coordinates wait in shared memory
  /// for the outputs (Boxes): registers are few while folds run.
  int64_t coordinates = 0;
  std::vector<BlockFold> folds;
  /// The greatest coordinate of an output's feature rank, and one.
  std::map<llvm::StringRef, int64_t> features;
  bool splits = false;
  std::optional<PackedRank> packed;
  /// Parts of the stream where that is asked for, or extents are known: the
  /// least by `launch`, where that pays (LaunchWays.h). Else the grid
  /// programs make as many as fill `slots` blocks, of `leastPart` keys at
  /// least, and compare these with the versions without parts.
  std::optional<int64_t> splitCount;
  int64_t slots = 1; ///< blocks that the chip runs at one time
  std::optional<LaunchComparison> launch;
  static constexpr int64_t leastPart = 256;
  /// Outputs that are copied as boxes, and the maps that describe them.
  llvm::SmallVector<std::pair<cascade::OutputOp, unsigned>> boxOutputs;

  int64_t rows() const { return int64_t(warps) * fragments * 16; }
  WeightRows weightRows() const;
  /// Warpgroups that keep rows (Boxes).
  unsigned consumers() const { return warps / 4; }
  int64_t threads() const {
    return (int64_t(warps) + (staging == Staging::Boxes ? 4 : 0)) * 32;
  }
  /// Elements that a lane has of a row along this feature rank.
  unsigned columnsOf(llvm::StringRef feature) const;
  /// The map of an output that is copied as boxes.
  std::optional<unsigned> mapOf(cascade::OutputOp output) const;
  unsigned mapCount() const { return operands().size() + boxOutputs.size(); }
  /// The state of a row that a part leaves in the workspace, in f32: matrices,
  /// then numbers, of all folds. Where a component lies in it, and its length,
  /// a multiple of 8.
  int64_t stateOffset(const BlockFold &fold, const Component &component) const;
  int64_t stateFloats() const;
  /// Whether a launch with these extents takes the version, for what its
  /// staging relies on; nothing where they do not tell.
  std::optional<bool> applies(const llvm::StringMap<int64_t> &extents) const;
  /// Every operand of every fold.
  llvm::SmallVector<SharedOperand *> operands();
  llvm::SmallVector<const SharedOperand *> operands() const {
    auto all = const_cast<BlockPlan *>(this)->operands();
    return {all.begin(), all.end()};
  }
};

/// The plan for the version of `kernel` with this staging, or nothing and the
/// `reason` in words. There is always one with Staging::Elements where there is
/// one at all.
std::optional<BlockPlan> planBlocks(cascade::KernelOp kernel,
                                    const DeviceMachine &machine,
                                    const llvm::StringMap<int64_t> &extents,
                                    BlockForm form, std::string &reason);

/// Calls `take` with the plan of every version of `kernel` that a launch may
/// come to, in the order of preference; false and the `reason` where there is
/// none. A `schedule` of the kernel is obeyed by every version that can; where
/// none can, that is an error at the kernel.
bool visitVersions(cascade::KernelOp kernel, const DeviceMachine &machine,
                   const llvm::StringMap<int64_t> &extents,
                   llvm::function_ref<void(const BlockPlan &)> take,
                   std::string &reason);

/// Of planBlocks: how blocks share the work. False and the `reason` where they
/// cannot.
bool planSharing(BlockPlan &plan, const DeviceMachine &machine,
                 const llvm::StringMap<int64_t> &extents, BlockForm form,
                 std::string &reason);
/// Gives `plan`, whose blocks share a stream, what its launches are compared
/// with: those of `alone` and, if there is one, of `packed`.
void compareLaunches(BlockPlan &plan, const BlockPlan &alone,
                     const BlockPlan *packed, const Machine &machine);
/// Items, rows, streams and rows that read the same keys of a launch; nothing
/// where the extents do not tell.
struct LaunchSize {
  int64_t items = 1; ///< coordinates of all item ranks
  int64_t rows = 0, group = 1;
  llvm::SmallVector<int64_t> streams;

  int64_t longest() const {
    int64_t most = 0;
    for (int64_t stream : streams)
      most = std::max(most, stream);
    return most;
  }
};
std::optional<LaunchSize> launchSizeOf(const BlockPlan &plan,
                                       const llvm::StringMap<int64_t> &extents);
/// Parts that are tried at most, as FlashAttention's heuristic does.
constexpr int64_t mostTriedParts = 128;
/// The number of parts, from 2 on, that takes least; of equals the fewest. 1
/// where there are no two tiles.
int64_t leastParts(const BlockPlan &plan, const LaunchSize &size);
/// What the launch takes where it takes no parts.
int64_t clocksWithoutParts(const BlockPlan &plan, const LaunchSize &size);
/// Of a version with `terms`, with what merging takes.
int64_t clocksOf(const BlockPlan &plan, const LaunchTerms &terms,
                 const LaunchSize &size, int64_t parts);
/// Whether packed rows at least halve the blocks, which read as many keys each,
/// and take no longer.
bool packingPays(const BlockPlan &plan, const LaunchSize &size);
/// Why the stream of `plan` cannot be split; empty: it can.
std::string whyNotSplit(const BlockPlan &plan);

/// Of planBlocks, for Staging::Boxes: whether operands are boxes of tensors,
/// and which outputs are; false and the `reason` where operands are not.
bool planBoxes(BlockPlan &plan, const DeviceMachine &machine,
               std::string &reason);
void planBoxOutputs(BlockPlan &plan, cascade::KernelOp kernel);

/// Where operands of a plan that has its sizes lie in shared memory, and how
/// many registers a thread takes; for Boxes and otherwise.
void layOutBoxes(BlockPlan &plan, const Machine &machine);
void layOutBlocks(BlockPlan &plan);

/// Of planBlocks: the shape where blocks share work, by rule; false and the
/// `reason` where there is none.
bool shapeForSharing(BlockPlan &plan, const Machine &machine,
                     std::string &reason);

/// What the kernel's `schedule` fixes of a tile: `tile` of the row rank and of
/// a stream, and `stages`. False and the `reason` where it names another rank.
bool scheduledTile(cascade::KernelOp kernel, const TilePlan &tiles,
                   TileChoice &tile, std::string &reason);

/// Why a thread of `plan` has not the registers that it takes on `machine`,
/// whatever machine it was planned for; empty: it has.
std::string whyNotRegisters(const BlockPlan &plan, const Machine &machine);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_BLOCKPLAN_H
