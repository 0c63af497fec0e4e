//===- Counter.h - The steps of counting an access --------------*- C++ -*-===//
//
// What Count.h promises, as one class: an access becomes pieces (Count.cpp),
// which are split at conditions until those hold or fail for a whole range, and
// then closed (Close.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_COUNTER_H
#define EINFALL_PASSES_TRAFFIC_COUNTER_H

#include "passes/Traffic/Walk.h"

namespace einfall::traffic {

/// Loads and stores are counted in sectors of so many bytes.
inline constexpr int64_t sectorBytes = 32;

/// Something that ranges are split by, and how many loops have been.
struct Divider {
  Ref form;
  unsigned done = 0;
};

struct Piece {
  std::vector<Ref> loops; ///< atoms
  std::vector<Divider> conditions;
  /// Minima, maxima and choices in the address, the bytes and the conditions.
  std::vector<Divider> turns;
  Ref address, bytes;
  /// Where it is a run (Runs.h): these instead of the address; else `each` is
  /// 0.
  Ref left = nullptr, most = nullptr;
  int64_t each = 0;
  /// Forms that someone follows through substitutions.
  std::vector<Ref> followed;
};

class Counter {
public:
  explicit Counter(Pool &pool) : pool(pool) {}
  Ref count(const std::vector<const Access *> &accesses);

private:
  Piece pieceOf(const Access &access);
  Ref closeRun(Piece piece);
  Ref split(Piece piece);
  std::optional<Ref> splitBy(const Piece &piece, unsigned number, Ref amount,
                             const std::function<Piece(Piece, int)> &become);
  std::optional<Ref> splitZero(const Piece &piece, size_t which,
                               unsigned number);
  bool narrow(Piece &piece, unsigned number, Ref from, Ref to);
  void substitute(Piece &piece, Substitution what);
  void findTurns(Piece &piece);
  bool simplify(Piece &piece);
  void join(Piece &piece);
  Ref close(Piece piece);
  std::vector<Ref> inner(const Piece &piece, unsigned number) const;
  Ref boundVariable(const std::string &name, Ref from, Ref to, Ref body);
  Ref rounds(Ref loop) {
    return pool.maximum(pool.zero,
                        pool.sub(loop->operands[1], loop->operands[0]));
  }

  Pool &pool;
};

/// Drops what is a multiple of 32 for all lanes alike.
Ref reduced(Ref address, Pool &pool);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_COUNTER_H
