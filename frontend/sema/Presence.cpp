//===- Presence.cpp - Can a value be absent? ------------------------------===//

#include "frontend/sema/Presence.h"
#include "llvm/ADT/STLExtras.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;

/// Longer conjunctions are kept as one atom: precision is lost, not soundness.
static constexpr unsigned maxAtoms = 16;

static void unite(RankSet &into, ArrayRef<RankId> ranks) {
  into.append(ranks.begin(), ranks.end());
  llvm::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

PresenceTable::PresenceTable() {
  sets.emplace_back();
  simplifiable.push_back(false);
  setIds[{}] = 0;
}

PresenceId PresenceTable::intern(const Set &set) {
  auto [it, isNew] = setIds.try_emplace(
      std::vector<uint32_t>(set.begin(), set.end()), sets.size());
  if (isNew) {
    sets.push_back(set);
    simplifiable.push_back(llvm::any_of(
        set, [&](uint32_t number) { return !atoms[number].over.empty(); }));
  }
  return it->second;
}

uint32_t PresenceTable::addAtom(Atom atom) {
  atoms.push_back(std::move(atom));
  return atoms.size() - 1;
}

PresenceId PresenceTable::cause(AbsenceCause cause, const RankSet &ranks,
                                SourceRange range, uint32_t access) {
  return intern({addAtom({cause, ranks, {}, 0, range, access})});
}

PresenceId PresenceTable::simplify(PresenceId id, const RankSet &ranks) {
  if (!simplifiable[id])
    return id;
  const Set set = sets[id];
  Set kept;
  for (uint32_t number : set) {
    const Atom &atom = atoms[number];
    // We stand at coordinates of `over` where `inner` holds: some do.
    bool implied =
        atom.cause == AbsenceCause::Nothing && !atom.over.empty() &&
        std::includes(ranks.begin(), ranks.end(), atom.over.begin(),
                      atom.over.end()) &&
        std::includes(set.begin(), set.end(), sets[atom.inner].begin(),
                      sets[atom.inner].end());
    if (!implied)
      kept.push_back(number);
  }
  return kept.size() == set.size() ? id : intern(kept);
}

PresenceId PresenceTable::both(PresenceId a, PresenceId b,
                               const RankSet &ranks) {
  if (a == b || b == 0)
    return simplify(a, ranks);
  if (a == 0)
    return simplify(b, ranks);
  Set joined;
  std::set_union(sets[a].begin(), sets[a].end(), sets[b].begin(), sets[b].end(),
                 std::back_inserter(joined));
  PresenceId result = simplify(intern(joined), ranks);
  if (sets[result].size() <= maxAtoms)
    return result;
  Atom atom = atoms[sets[result].front()];
  atom.cause = AbsenceCause::Other;
  atom.over.clear();
  for (uint32_t number : sets[result])
    unite(atom.depends, atoms[number].depends);
  return intern({addAtom(std::move(atom))});
}

PresenceId PresenceTable::some(PresenceId inner, ArrayRef<RankId> over,
                               ArrayRef<RankId> nonEmpty, SourceRange range) {
  SmallVector<RankId, 2> ranks(over);
  if (inner == 0)
    llvm::erase_if(
        ranks, [&](RankId rank) { return llvm::is_contained(nonEmpty, rank); });
  if (inner == 0 && ranks.empty())
    return 0;
  llvm::sort(ranks);
  std::vector<uint32_t> key{inner};
  key.insert(key.end(), ranks.begin(), ranks.end());
  auto [it, isNew] = someIds.try_emplace(key, 0);
  if (isNew) {
    Atom atom{AbsenceCause::Nothing, {}, ranks, inner, range, 0};
    for (uint32_t number : sets[inner])
      unite(atom.depends, atoms[number].depends);
    llvm::erase_if(atom.depends, [&](RankId rank) {
      return llvm::is_contained(ranks, rank);
    });
    it->second = addAtom(std::move(atom));
  }
  return intern({it->second});
}

PresenceId PresenceTable::at(PresenceId inner, ArrayRef<RankId> replaced,
                             const RankSet &ranks, SourceRange range) {
  const Set set = sets[inner];
  Set kept;
  bool moved = false;
  Atom first{AbsenceCause::Other, ranks, {}, 0, range, 0};
  for (uint32_t number : set) {
    const Atom &atom = atoms[number];
    if (llvm::none_of(atom.depends, [&](RankId rank) {
          return llvm::is_contained(replaced, rank);
        })) {
      kept.push_back(number);
      continue;
    }
    if (!moved && atom.cause != AbsenceCause::Nothing)
      first.cause = atom.cause, first.access = atom.access;
    if (!moved)
      first.range = atom.range;
    moved = true;
  }
  if (moved) {
    kept.push_back(addAtom(std::move(first)));
    llvm::sort(kept);
  }
  return intern(kept);
}

PresenceId PresenceTable::either(PresenceId a, PresenceId b,
                                 const RankSet &ranks, SourceRange range) {
  if (a == 0 || b == 0)
    return 0;
  if (a == b)
    return a;
  Absence why = explain(b);
  return cause(why.cause == AbsenceCause::Nothing ? AbsenceCause::Other
                                                  : why.cause,
               ranks, why.range.isValid() ? why.range : range, why.access);
}

Absence PresenceTable::explain(PresenceId set) const {
  uint32_t known = sets[set].front();
  for (uint32_t number : sets[set])
    if (atoms[number].cause != AbsenceCause::Other) {
      known = number;
      break;
    }
  const Atom &atom = atoms[known];
  return {atom.cause, atom.range, known, atom.access};
}

bool PresenceTable::holds(PresenceId set, uint32_t atom) const {
  return llvm::is_contained(sets[set], atom);
}
