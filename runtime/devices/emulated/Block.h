//===- Block.h - Executes one block of a grid -------------------*- C++ -*-===//
//
// A block's warps, each at its own place in the program, share a memory and
// barriers. A scheduler seeded by the launch and the block picks a warp that
// can go on and lets it run for a random number of instructions; a copy lands
// when it is issued, at some pause of its warp, or when it is waited for. All
// lanes of a warp execute an instruction at once; structured control keeps a
// mask of active lanes.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_BLOCK_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_BLOCK_H

#include "runtime/devices/emulated/Emulator.h"
#include "runtime/devices/emulated/GlobalMemory.h"
#include "runtime/devices/emulated/Grid.h"
#include "runtime/devices/emulated/Lanes.h"
#include "runtime/devices/emulated/SharedMemory.h"

#include <deque>

namespace einfall::emulated {

/// An instruction as it is executed: its function, and where control goes.
struct Step {
  LaneFunction function = nullptr;
  Opcode opcode;
  uint16_t sub;
  Class kind;
  bool converged;
  uint32_t operands, location;
  /// If: its Else or EndIf; Else: its EndIf; Loop: its Next; Next: its Loop.
  uint32_t partner = 0;
  uint64_t immediate;
};

struct Code {
  explicit Code(const Program &program);
  std::vector<Step> steps;
  /// Words are scaled to lanes.
  std::vector<uint32_t> operands;
  uint32_t words, masks;
  /// The smallest access to shared memory, in bytes.
  uint32_t granule = 16;
  /// Fences are there and have to be kept track of.
  bool fences = false;
};

/// What all blocks of a launch share.
struct BlockContext {
  const Image &image;
  const Code &code;
  const Launch &launch;
  const std::vector<uint64_t> &arguments; ///< of this program
  const GlobalMemory &memory;
  /// One for each of the image's.
  const std::vector<TensorMap> &maps;
};

class Block {
public:
  explicit Block(const BlockContext &context);

  /// Runs one block to its end or to the first thing that is wrong.
  std::optional<Message> run(std::array<uint64_t, 3> position, uint64_t number);

  /// Of all blocks that ran here.
  Counters counters;

private:
  enum class State { Ready, Waiting, Done };
  struct Region {
    uint32_t saved, taken;
  };
  /// One copy_async of a warp.
  struct Copies {
    /// Lanes whose copy was not waited for, and those whose bytes are there.
    uint32_t pending, landed;
    uint32_t bytes, location;
    /// Per lane: groups it had closed before.
    std::array<uint32_t, warpLanes> group, destination, valid;
    std::array<uint64_t, warpLanes> source;
    bool fromWritable;
  };
  /// One wgmma of a warp.
  struct ProductInFlight {
    const Step *step;
    uint64_t a, b;
    uint32_t group;
    bool landed;
  };
  /// What the first warp of a warpgroup issued; the others have to follow.
  struct ProductIssue {
    const Step *step;
    uint64_t a, b;
  };
  /// A barrier in shared memory.
  struct MBarrier {
    uint32_t address, count, pending;
    int64_t bytes = 0;
    /// Phases that completed.
    uint32_t phase = 0;
    bool fenced = false;
    /// Who made it, and when.
    unsigned warp, lane;
    uint32_t clock, location;
    /// From those who arrived; and of those of the phases that completed.
    Knowledge joined, completed;
  };
  /// A bulk load, until it lands; a bulk store, until it was waited for.
  struct BulkCopy {
    bool load, landed = false;
    uint32_t map;
    std::array<int32_t, 5> coordinates;
    uint32_t address;
    unsigned mbarrier = 0, warp, lane;
    uint32_t group, location;
  };
  struct Warp {
    unsigned number = 0;
    State state = State::Ready;
    uint32_t position = 0, active = ~uint32_t(0);
    std::vector<Region> regions;
    uint32_t *words = nullptr, *masks = nullptr;
    std::deque<Copies> copies;
    uint64_t bytesInFlight = 0;
    std::array<uint32_t, warpLanes> closedGroups, closedBulkGroups;
    /// What it waits for: a named barrier, or one in shared memory (not -1).
    unsigned barrier = 0;
    /// Where a barrier_any leaves what it tells; -1: it waits for no such.
    int tells = -1;
    int mbarrier = -1;
    std::deque<ProductInFlight> products;
    uint32_t closedProducts = 0;
    uint64_t issuedProducts = 0;
    /// The group at hand lands when it is waited for, or another lands.
    bool landsLate = false;
    /// Registers of products may have been in other use since the last fence.
    bool unfenced = true;
    /// Of each thread; and whether it waits for others to give some back.
    uint32_t registers = 0;
    bool wantsRegisters = false;
  };
  struct NamedBarrier {
    uint32_t expected = 0, arrived = 0, arrivedWarps = 0, waitingWarps = 0;
    /// Some thread of a barrier_any said so.
    bool any = false;
    Knowledge joined;
  };

  /// Runs until the quota is used, the warp waits or is done, or something is
  /// wrong (then `message` is set).
  void runWarp(Warp &warp, uint64_t quota);
  /// Executes what is neither lanes nor control. False where it is wrong.
  bool execute(Warp &warp, const Step &step);

  bool divide(Warp &warp, const Step &step);
  bool loadGlobal(Warp &warp, const Step &step);
  bool storeGlobal(Warp &warp, const Step &step);
  bool accessShared(Warp &warp, const Step &step, bool store);
  bool copyAsync(Warp &warp, const Step &step);
  bool copyWait(Warp &warp, const Step &step);
  bool arrive(Warp &warp, const Step &step, bool waits);
  void shuffle(Warp &warp, const Step &step);
  bool loadMatrix(Warp &warp, const Step &step);
  bool storeMatrix(Warp &warp, const Step &step);

  // Barriers in shared memory and bulk copies (BlockBulk.cpp).
  bool makeMBarrier(Warp &warp, const Step &step);
  bool arriveMBarrier(Warp &warp, const Step &step, bool expects);
  bool waitMBarrier(Warp &warp, const Step &step);
  int findMBarrier(Warp &warp, const Step &step, unsigned lane,
                   uint32_t address);
  void completePhase(unsigned mbarrier);
  bool fence(Warp &warp, const Step &step);
  bool bulkCopy(Warp &warp, const Step &step, bool load);
  bool bulkWait(Warp &warp, const Step &step);
  /// Calls row(global address, shared offset, first, last byte of the row that
  /// lie in the tensor) for each row of the box.
  template <typename Row> bool forRows(const BulkCopy &copy, Row row) const;
  void land(BulkCopy &copy);
  /// Lands one that is in flight; false where there is none.
  bool landSome();

  // Products of warpgroups (BlockWarpgroup.cpp).
  bool issueProduct(Warp &warp, const Step &step);
  bool waitProducts(Warp &warp, const Step &step);
  bool setRegisters(Warp &warp, const Step &step);
  void compute(Warp &warp, const ProductInFlight &product);
  /// Calls chunk(address) for each 16 bytes that the warp's share reads; stops
  /// and returns false where that does.
  template <typename Chunk>
  bool forChunks(const Warp &warp, const ProductInFlight &product,
                 Chunk chunk) const;

  /// Finds lanes' buffers; addresses of inactive lanes become another's.
  bool checkGlobal(Warp &warp, const Step &step, uint64_t *addresses,
                   uint32_t active, unsigned bytes, bool store);
  bool checkShared(Warp &warp, const Step &step, unsigned lane,
                   uint32_t address, unsigned bytes);
  bool checkSources(Warp &warp, const Step &step, const uint64_t *addresses,
                    unsigned bytes);
  void land(Copies &copies, uint32_t lanes);
  uint64_t random();

  /// Sets `message`; always false.
  bool fail(const Warp &warp, const Step &step, int lane, std::string text,
            std::vector<std::string> notes = {});
  bool fail(const Warp &warp, const Step &step, int lane,
            const Conflict &conflict);
  std::string place(uint32_t location) const;
  /// What is wrong where no warp can go on, and where all are done.
  std::optional<Message> deadlock();
  std::optional<Message> abandoned();

  const BlockContext &context;
  SharedMemory shared;
  std::vector<Warp> warps;
  std::vector<uint32_t> storage;
  std::array<NamedBarrier, barrierCount> barriers;
  std::vector<MBarrier> mbarriers;
  std::vector<BulkCopy> bulk;
  /// Per warpgroup: issues from number `firstIssue` on.
  std::vector<std::deque<ProductIssue>> issues;
  std::vector<uint64_t> firstIssue;
  /// Per step: the buffer that it found last.
  std::vector<uint32_t> hints;
  std::array<uint64_t, 3> position = {};
  /// Registers that warps gave back.
  uint32_t freeRegisters = 0;
  uint64_t state = 0, left = 0;
  uint64_t writableCopies = 0;
  std::optional<Message> message;
};

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_BLOCK_H
