//===- Intervals.cpp - Bounds of terms over a tile ------------------------===//

#include "passes/Regions/Intervals.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using llvm::SmallVector;

namespace einfall::regions {

using proof::Rational;
using proof::Sort;
using proof::TermContext;
using proof::TermKind;

bool Ranges::varies(Term term) const {
  if (llvm::any_of(axes, [&](const Axis &a) { return a.coordinate == term; }))
    return true;
  // Opaque truth values vary in a way that nobody knows.
  if (term.is(TermKind::Apply))
    return true;
  return llvm::any_of(term.operands(), [&](Term t) { return varies(t); });
}

std::optional<Interval> Ranges::of(Term term) const {
  if (!varies(term))
    return Interval{term, term};
  TermContext &c = term.context();
  for (const Axis &axis : axes)
    if (axis.coordinate == term)
      return Interval{axis.lo, axis.hi - 1};

  SmallVector<Interval> parts;
  for (Term operand : term.operands()) {
    if (operand.sort() != Sort::Int)
      return std::nullopt;
    std::optional<Interval> part = of(operand);
    if (!part)
      return std::nullopt;
    parts.push_back(*part);
  }
  auto isPositive = [](Term t) {
    return t.isConstant() && t.value().sign() > 0;
  };
  switch (term.kind()) {
  case TermKind::Add: {
    Interval sum{c.integer(0), c.integer(0)};
    for (Interval &part : parts) {
      sum.least = sum.least + part.least;
      sum.greatest = sum.greatest + part.greatest;
    }
    return sum;
  }
  case TermKind::Mul: {
    auto [coefficient, rest] = proof::splitCoefficient(term);
    if (coefficient.isOne() || rest == term)
      return std::nullopt; // a product of things that vary
    std::optional<Interval> range = of(rest);
    if (!range)
      return std::nullopt;
    Term factor = c.integer(coefficient);
    Interval scaled{factor * range->least, factor * range->greatest};
    if (coefficient.sign() < 0)
      std::swap(scaled.least, scaled.greatest);
    return scaled;
  }
  case TermKind::FloorDiv:
    if (!isPositive(term.operand(1)))
      return std::nullopt;
    return Interval{c.floorDiv(parts[0].least, term.operand(1)),
                    c.floorDiv(parts[0].greatest, term.operand(1))};
  case TermKind::Mod:
    if (!isPositive(term.operand(1)))
      return std::nullopt;
    return Interval{c.integer(0), term.operand(1) - 1};
  case TermKind::Max:
    return Interval{max(parts[0].least, parts[1].least),
                    max(parts[0].greatest, parts[1].greatest)};
  case TermKind::Min:
    return Interval{min(parts[0].least, parts[1].least),
                    min(parts[0].greatest, parts[1].greatest)};
  default:
    return std::nullopt;
  }
}

Term Ranges::full(Term truth) const {
  TermContext &c = truth.context();
  if (!varies(truth))
    return truth;
  SmallVector<Term> parts;
  switch (truth.kind()) {
  case TermKind::And:
  case TermKind::Or:
    for (Term operand : truth.operands())
      parts.push_back(full(operand));
    return truth.is(TermKind::And) ? c.logicalAnd(parts) : c.logicalOr(parts);
  case TermKind::Not:
    return empty(truth.operand(0));
  case TermKind::Le:
  case TermKind::Lt:
    if (auto range = of(truth.operand(0) - truth.operand(1)))
      return truth.is(TermKind::Le) ? le(range->greatest, 0)
                                    : lt(range->greatest, 0);
    return c.boolean(false);
  case TermKind::Eq:
    if (truth.operand(0).sort() == Sort::Int)
      if (auto range = of(truth.operand(0) - truth.operand(1)))
        return le(range->greatest, 0) && ge(range->least, 0);
    return c.boolean(false);
  default:
    return c.boolean(false);
  }
}

Term Ranges::empty(Term truth) const {
  TermContext &c = truth.context();
  if (!varies(truth))
    return !truth;
  SmallVector<Term> parts;
  switch (truth.kind()) {
  case TermKind::And:
  case TermKind::Or:
    for (Term operand : truth.operands())
      parts.push_back(empty(operand));
    return truth.is(TermKind::And) ? c.logicalOr(parts) : c.logicalAnd(parts);
  case TermKind::Not:
    return full(truth.operand(0));
  case TermKind::Le:
  case TermKind::Lt:
    if (auto range = of(truth.operand(0) - truth.operand(1)))
      return truth.is(TermKind::Le) ? gt(range->least, 0) : ge(range->least, 0);
    return c.boolean(false);
  case TermKind::Eq:
    if (truth.operand(0).sort() == Sort::Int)
      if (auto range = of(truth.operand(0) - truth.operand(1)))
        return gt(range->least, 0) || lt(range->greatest, 0);
    return c.boolean(false);
  default:
    return c.boolean(false);
  }
}

} // namespace einfall::regions
