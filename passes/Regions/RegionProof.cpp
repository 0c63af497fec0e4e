//===- RegionProof.cpp - What the closed forms of masks claim -------------===//

#include "passes/Regions/RegionProof.h"

#include "passes/Proof/Prover.h"

#include "llvm/ADT/SmallVector.h"

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

std::vector<Obligation> regionObligations(const MaskRegions &regions,
                                          StringRef name, StringRef location) {
  std::vector<Obligation> obligations;
  auto add = [&](const llvm::Twine &part, const char *rule, bool stream,
                 Term premise, Term goal) {
    Obligation obligation{(name + "." + part).str(),
                          rule,
                          location.str(),
                          within(regions, stream),
                          implies(premise, goal),
                          /*monotoneExp=*/false};
    obligations.push_back(std::move(obligation));
  };
  Term m = regions.stream.coordinate;
  add("full", "regions full", true, regions.full, regions.predicate);
  add("empty", "regions empty", true, regions.empty, !regions.predicate);
  for (auto [index, d] : llvm::enumerate(regions.disjuncts)) {
    std::string number = std::to_string(index);
    add("bounds." + number, "regions bounds", false, d.condition,
        le(d.lo, m) && lt(m, d.hi));
    add("inner." + number, "regions inner", false,
        le(d.fullLo, m) && lt(m, d.fullHi), d.condition);
  }
  return obligations;
}

unsigned proveRegions(MaskRegions &regions, proof::Prover &prover,
                      StringRef name, StringRef location) {
  TermContext &c = *regions.terms;
  unsigned failures = 0;
  std::vector<Obligation> obligations =
      regionObligations(regions, name, location);
  auto proved = [&](size_t index) {
    bool holds = prover.prove(obligations[index]).isProved();
    failures += !holds;
    return holds;
  };
  if (!proved(0))
    regions.full = c.boolean(false);
  if (!proved(1))
    regions.empty = c.boolean(false);
  for (auto [index, d] : llvm::enumerate(regions.disjuncts)) {
    if (!proved(2 + 2 * index)) {
      d.lo = c.integer(0);
      d.hi = regions.streamExtent;
    }
    if (!proved(3 + 2 * index))
      d.fullHi = d.fullLo = c.integer(0);
  }
  regions.streamLo = regions.streamExtent;
  regions.streamHi = c.integer(0);
  for (const Disjunct &disjunct : regions.disjuncts) {
    regions.streamLo = min(regions.streamLo, disjunct.lo);
    regions.streamHi = max(regions.streamHi, disjunct.hi);
  }
  return failures;
}

} // namespace einfall::regions
