//===- Presence.h - Can a value be absent? ----------------------*- C++ -*-===//
//
// For every node a condition under which it is present, kept as a conjunction
// of atoms. An atom is a cause of absence: a `where` that may be false, an
// index that may lie outside, a maximum over what may be nothing. Set 0 is the
// empty conjunction: present everywhere.
//
// The one simplification that matters: at a coordinate of rank m where s is
// present, "some coordinate of m has s present" holds. So softmax of a masked
// score is present wherever the score is, and a filler is asked for only where
// absence can really be seen. The analysis is conservative: an atom that it
// cannot discharge counts as "may be absent".
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_PRESENCE_H
#define EINFALL_FRONTEND_SEMA_PRESENCE_H

#include "frontend/sema/Elaborated.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Hashing.h"
#include <unordered_map>

namespace einfall::ein {

using PresenceId = uint32_t;

enum class AbsenceCause : uint8_t {
  Condition, // a `where`
  Outside,   // an index outside of a tensor
  Nothing,   // a reduction of nothing
  Selection, // fewer entries than topk or select has places
  Scatter,   // a coordinate that no equation writes
  Other,     // several causes, or a shifted one
};

/// One reason why a value may be absent.
struct Absence {
  AbsenceCause cause = AbsenceCause::Other;
  SourceRange range;
  uint32_t atom = 0;
  /// Outside: the access, by its number in the list of the Builder and 1 more;
  /// 0 where that is not known.
  uint32_t access = 0;
};

class PresenceTable {
public:
  PresenceTable();

  /// A fresh cause that depends on `ranks`.
  PresenceId cause(AbsenceCause cause, const RankSet &ranks, SourceRange range,
                   uint32_t access = 0);
  /// Both; then simplified at a node with these ranks.
  PresenceId both(PresenceId a, PresenceId b, const RankSet &ranks);
  /// Some coordinate of `over` has `inner`. `nonEmpty` are ranks of `over`
  /// known to have a coordinate.
  PresenceId some(PresenceId inner, llvm::ArrayRef<RankId> over,
                  llvm::ArrayRef<RankId> nonEmpty, SourceRange range);
  /// `inner` where `replaced` ranks are given by index expressions with
  /// `ranks`.
  PresenceId at(PresenceId inner, llvm::ArrayRef<RankId> replaced,
                const RankSet &ranks, SourceRange range);
  /// The first or the second.
  PresenceId either(PresenceId a, PresenceId b, const RankSet &ranks,
                    SourceRange range);
  /// What is left for an output with these ranks.
  PresenceId simplify(PresenceId set, const RankSet &ranks);

  /// A cause of `set`, which must not be 0. Equal reductions are one cause: its
  /// place is that of the first of them (Elaborator::findAbsence looks for the
  /// one in question).
  Absence explain(PresenceId set) const;
  bool holds(PresenceId set, uint32_t atom) const;

private:
  struct Atom {
    AbsenceCause cause;
    RankSet depends;
    llvm::SmallVector<RankId, 2> over; // Nothing: the ranks reduced
    PresenceId inner = 0;              // Nothing: what must be present
    SourceRange range;
    uint32_t access = 0; // Outside
  };
  using Set = llvm::SmallVector<uint32_t, 4>;
  PresenceId intern(const Set &set);
  uint32_t addAtom(Atom atom);

  std::vector<Atom> atoms;
  std::vector<Set> sets;
  std::vector<bool> simplifiable; // sets with an atom that may be implied
  struct Hash {
    size_t operator()(const std::vector<uint32_t> &key) const {
      return llvm::hash_combine_range(key.begin(), key.end());
    }
  };
  std::unordered_map<std::vector<uint32_t>, PresenceId, Hash> setIds;
  std::unordered_map<std::vector<uint32_t>, uint32_t, Hash> someIds;
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_PRESENCE_H
