//===- RegionProof.cpp - What the closed forms of masks claim -------------===//

#include "passes/Regions/RegionProof.h"

#include "llvm/ADT/STLExtras.h"

#include <functional>

using llvm::StringRef;

namespace einfall::regions {

using proof::Obligation;
using proof::TermContext;

/// Elements of a block, and of a tile with `stream`; extents are not negative.
static std::vector<Term> within(const MaskRegions &regions, bool stream) {
  std::vector<Term> given;
  auto inside = [&](const Axis &axis) {
    given.push_back(ge(axis.lo, 0));
    given.push_back(le(axis.lo, axis.coordinate));
    given.push_back(lt(axis.coordinate, axis.hi));
  };
  for (const Axis &axis : regions.rows)
    inside(axis);
  if (stream)
    inside(regions.stream);
  given.push_back(ge(regions.stream.coordinate, 0));
  given.push_back(lt(regions.stream.coordinate, regions.streamExtent));
  for (const Leaf &leaf : regions.leaves)
    if (leaf.kind != Leaf::Kind::Value)
      given.push_back(ge(leaf.symbol, 0));
  return given;
}

namespace {

/// A statement, and what to do without it.
struct Claim {
  Obligation obligation;
  std::function<void(MaskRegions &)> weaken;
};

} // namespace

static std::vector<Claim> claimsOf(const MaskRegions &regions, StringRef name,
                                   StringRef location) {
  std::vector<Claim> claims;
  auto add = [&](const std::string &part, bool stream, Term premise, Term goal,
                 std::function<void(MaskRegions &)> weaken) {
    Term claim = implies(premise, goal);
    if (claim.isTrue())
      return;
    Obligation obligation{(name + "." + part).str(),
                          ("regions " + StringRef(part).take_until([](char c) {
                            return c == '.';
                          })).str(),
                          location.str(),
                          within(regions, stream),
                          claim,
                          /*monotoneExp=*/false};
    claims.push_back({std::move(obligation), std::move(weaken)});
  };
  Term m = regions.stream.coordinate;
  add("full", true, regions.full, regions.predicate,
      [](MaskRegions &r) { r.full = r.terms->boolean(false); });
  add("empty", true, regions.empty, !regions.predicate,
      [](MaskRegions &r) { r.empty = r.terms->boolean(false); });
  add("walk", false, regions.predicate,
      le(regions.streamLo, m) && lt(m, regions.streamHi), [](MaskRegions &r) {
        r.streamLo = r.terms->integer(0);
        r.streamHi = r.streamExtent;
      });
  for (size_t index = 0; index < regions.disjuncts.size(); ++index) {
    const Disjunct &d = regions.disjuncts[index];
    std::string number = std::to_string(index);
    if (regions.disjuncts.size() > 1)
      add("bounds." + number, false, d.condition, le(d.lo, m) && lt(m, d.hi),
          [index](MaskRegions &r) {
            r.disjuncts[index].lo = r.terms->integer(0);
            r.disjuncts[index].hi = r.streamExtent;
          });
    add("inner." + number, false, le(d.fullLo, m) && lt(m, d.fullHi),
        d.condition, [index](MaskRegions &r) {
          r.disjuncts[index].fullLo = r.disjuncts[index].fullHi =
              r.terms->integer(0);
        });
  }
  return claims;
}

std::vector<Obligation> regionObligations(const MaskRegions &regions,
                                          StringRef name, StringRef location) {
  std::vector<Obligation> obligations;
  for (Claim &claim : claimsOf(regions, name, location))
    obligations.push_back(std::move(claim.obligation));
  return obligations;
}

std::vector<std::string>
proveRegions(MaskRegions &regions,
             llvm::function_ref<bool(const Obligation &)> prove, StringRef name,
             StringRef location) {
  std::vector<std::string> failures;
  for (Claim &claim : claimsOf(regions, name, location)) {
    if (prove(claim.obligation))
      continue;
    claim.weaken(regions);
    failures.push_back(std::move(claim.obligation.name));
  }
  return failures;
}

} // namespace einfall::regions
