//===- Walk.h - The accesses of a device program to memory ------*- C++ -*-===//
//
// Walks one device program and lists what its warps ask of global memory: for
// each operation the loops around it, when a lane takes part, at which address,
// and how many bytes. Nothing is executed; integers are forms (Index.h) that
// are looked up only where an address, a bound or a condition wants them.
//
// What a program reads from memory is not known here. A condition that depends
// on it is left out, and the access marked: then the count is an upper bound,
// as if nothing were skipped. So is an address: every lane then has sectors of
// its own.
//
// Words of shared memory that one store of the whole program writes, at a
// constant address, the same for all threads, are taken to keep what it wrote.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_WALK_H
#define EINFALL_PASSES_TRAFFIC_WALK_H

#include "dialect/Cascade/KernelInterface.h"
#include "dialect/Device/Device.h"
#include "passes/Traffic/Index.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace einfall::traffic {

enum class Direction {
  Load,  ///< into registers
  Copy,  ///< into shared memory, asynchronously
  Store, ///< out of the SM
};

struct Access {
  Direction direction;
  /// The parameter whose memory it is: a tensor's name, or "workspace".
  std::string what;
  /// Variables that count executions by a warp, outer ones first; the ranges of
  /// later ones may depend on those before.
  std::vector<Ref> loops;
  /// Of a lane: whether it takes part, and the bytes that it touches.
  Ref active, address, bytes;
  /// False: an upper bound, as something depends on what memory holds.
  bool isExact = true;
  /// The tensors that it depends on, as far as they are known.
  std::set<std::string> reads;
};

struct Launch {
  Ref x, y, z;
  Ref when, workspace; ///< null: always, none
};

/// The parameters of a program as forms: scalars as they are called or, where
/// `numbers` has them, as they are given, addresses as multiples of 32, strides
/// those of dense, row-major tensors, extents ("p") as parameters "|p|" or,
/// where `fixed` has them, as numbers.
class Parameters {
public:
  Parameters(Pool &pool, const cascade::KernelInterface &interface,
             const llvm::StringMap<int64_t> &fixed,
             const llvm::StringMap<int64_t> &numbers)
      : pool(pool), interface(interface), fixed(fixed), numbers(numbers) {}

  /// Of the parameter called `name`; `isAddress` as isAddress below says.
  Ref form(llvm::StringRef name, bool isAddress) const;
  static bool isAddress(device::KernelOp kernel, unsigned number);

private:
  Ref extent(llvm::StringRef rank) const;
  Ref stride(llvm::StringRef tensor, unsigned dim) const;

  Pool &pool;
  const cascade::KernelInterface &interface;
  const llvm::StringMap<int64_t> &fixed, &numbers;
};

/// Why a term is an upper bound: what it depends on.
std::string noteOfBound(const std::set<std::string> &reads);

/// What the grid program of `kernel` computes.
llvm::Expected<Launch> launchOf(device::KernelOp kernel, Pool &pool,
                                const Parameters &parameters);

/// Every access of the program. Fails where a loop around one has bounds that
/// no form expresses.
llvm::Expected<std::vector<Access>>
accessesOf(device::KernelOp kernel, Pool &pool, const Parameters &parameters);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_WALK_H
