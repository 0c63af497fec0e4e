//===- MaskAnalysis.cpp - Closed forms of masks ---------------------------===//
//
// The condition becomes a term (ConditionTerms.h); full and empty come from its
// intervals (Intervals.h); bounds of the stream from its disjunctive normal
// form, atom by atom: c*m + r <= 0 bounds m by the least r over the rows where
// some row will do, and by the greatest where all rows must.
//
//===----------------------------------------------------------------------===//

#include "passes/Regions/ConditionTerms.h"
#include "passes/Regions/Intervals.h"
#include "passes/Regions/Region.h"

#include "dialect/Cascade/Inside.h"

using llvm::SmallVector;
using llvm::StringRef;
using mlir::Value;

namespace einfall::regions {

using proof::Rational;
using proof::Sort;
using proof::TermContext;
using proof::TermKind;

/// More alternatives than this are not told apart.
static constexpr size_t greatestDisjuncts = 16;

using Conjunction = SmallVector<Term>;

//===----------------------------------------------------------------------===//
// Disjunctive normal form
//===----------------------------------------------------------------------===//

/// The alternatives of `truth`, or of its negation; nothing if there are many.
static std::optional<SmallVector<Conjunction>> alternatives(Term truth,
                                                            bool negate) {
  if (truth.is(TermKind::Not))
    return alternatives(truth.operand(0), !negate);
  if (truth.isTrue() || truth.isFalse())
    return truth.isTrue() != negate ? SmallVector<Conjunction>{{}}
                                    : SmallVector<Conjunction>{};
  bool isNumeric =
      truth.is(TermKind::Eq) && truth.operand(0).sort() == Sort::Int;
  if (isNumeric) {
    Term a = truth.operand(0), b = truth.operand(1);
    if (negate)
      return SmallVector<Conjunction>{{lt(a, b)}, {lt(b, a)}};
    return SmallVector<Conjunction>{{le(a, b), le(b, a)}};
  }
  bool isOr = truth.is(TermKind::Or), isAnd = truth.is(TermKind::And);
  if (!isOr && !isAnd)
    return SmallVector<Conjunction>{{negate ? !truth : truth}};

  SmallVector<Conjunction> result;
  if (isAnd != negate) {
    result.push_back({});
    for (Term operand : truth.operands()) {
      auto parts = alternatives(operand, negate);
      if (!parts || parts->size() * result.size() > greatestDisjuncts)
        return std::nullopt;
      SmallVector<Conjunction> product;
      for (const Conjunction &left : result)
        for (const Conjunction &right : *parts) {
          product.push_back(left);
          product.back().append(right.begin(), right.end());
        }
      result = std::move(product);
    }
    return result;
  }
  for (Term operand : truth.operands()) {
    auto parts = alternatives(operand, negate);
    if (!parts || parts->size() + result.size() > greatestDisjuncts)
      return std::nullopt;
    result.append(parts->begin(), parts->end());
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Bounds of the stream
//===----------------------------------------------------------------------===//

namespace {

/// An atom as a bound of the stream: m >= value, or m <= value, where value is
/// over row coordinates and leaves.
struct StreamBound {
  bool isLower;
  Term value;
};

} // namespace

static Term ceilDiv(Term numerator, int64_t divisor) {
  TermContext &c = numerator.context();
  return c.floorDiv(numerator + (divisor - 1), c.integer(divisor));
}

static bool mentions(Term term, Term symbol) {
  return term == symbol || llvm::any_of(term.operands(), [&](Term operand) {
           return mentions(operand, symbol);
         });
}

/// Solves form <= 0 for `m`, which stands alone or within one quotient.
static std::optional<StreamBound> solve(Term form, Term m) {
  TermContext &c = form.context();
  Term rest = c.integer(0);
  Rational coefficient;
  Term holder;
  SmallVector<Term> addends(1, form);
  if (form.is(TermKind::Add))
    addends.assign(form.operands().begin(), form.operands().end());
  for (Term addend : addends) {
    if (!mentions(addend, m)) {
      rest = rest + addend;
      continue;
    }
    if (!holder.isNull())
      return std::nullopt;
    std::tie(coefficient, holder) = proof::splitCoefficient(addend);
  }
  std::optional<int64_t> factor = coefficient.asInteger();
  if (holder.isNull() || !factor || *factor == 0)
    return std::nullopt;
  // holder <= value or holder >= value
  bool isLower = *factor < 0;
  Term value =
      isLower ? ceilDiv(rest, -*factor) : c.floorDiv(-rest, c.integer(*factor));
  if (holder == m)
    return StreamBound{isLower, value};
  if (!holder.is(TermKind::FloorDiv) || !holder.operand(1).isConstant())
    return std::nullopt;
  // floor(x/k) <= v iff x <= k*v + k - 1; floor(x/k) >= v iff x >= k*v
  int64_t k = *holder.operand(1).value().asInteger();
  Term x = holder.operand(0);
  return isLower ? solve(k * value - x, m) : solve(x - k * value - (k - 1), m);
}

/// The bounds that the atoms of `conjunction` put on the stream for a block.
static Disjunct boundDisjunct(const MaskRegions &regions,
                              const Conjunction &conjunction) {
  TermContext &c = *regions.terms;
  Term m = regions.stream.coordinate;
  Ranges rows(regions.rows);
  Disjunct result;
  result.condition = c.logicalAnd(conjunction);
  result.lo = result.fullLo = c.integer(0);
  result.hi = result.fullHi = regions.streamExtent;
  Term possible = c.boolean(true), certain = c.boolean(true);
  for (Term atom : conjunction) {
    bool isOrder = atom.is(TermKind::Le) || atom.is(TermKind::Lt);
    if (!mentions(atom, m)) {
      possible = possible && !rows.empty(atom);
      certain = certain && rows.full(atom);
      continue;
    }
    std::optional<StreamBound> bound;
    if (isOrder)
      bound = solve(atom.operand(0) - atom.operand(1) +
                        (atom.is(TermKind::Lt) ? 1 : 0),
                    m);
    std::optional<Interval> range;
    if (bound)
      range = rows.of(bound->value);
    if (!range) {
      certain = c.boolean(false);
      continue;
    }
    if (bound->isLower) {
      result.lo = max(result.lo, range->least);
      result.fullLo = max(result.fullLo, range->greatest);
    } else {
      result.hi = min(result.hi, range->greatest + 1);
      result.fullHi = min(result.fullHi, range->least + 1);
    }
  }
  result.hi = ite(possible, result.hi, c.integer(0));
  result.fullHi = ite(certain, result.fullHi, c.integer(0));
  return result;
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

static Axis makeAxis(TermContext &c, StringRef rank) {
  auto symbol = [&](const llvm::Twine &name) {
    return c.symbol(name.str(), Sort::Int);
  };
  return {rank.str(), symbol(rank), symbol(rank + ".lo"), symbol(rank + ".hi")};
}

/// Regions with their axes and nothing else.
static MaskRegions begin(llvm::ArrayRef<StringRef> rowRanks,
                         StringRef streamRank) {
  MaskRegions regions;
  regions.terms = std::make_shared<TermContext>();
  TermContext &c = *regions.terms;
  for (StringRef rank : rowRanks)
    regions.rows.push_back(makeAxis(c, rank));
  regions.stream = makeAxis(c, streamRank);
  regions.streamExtent = c.symbol(("extent." + streamRank).str(), Sort::Int);
  regions.leaves.push_back(
      {regions.streamExtent, Leaf::Kind::Extent, streamRank.str(), Value()});
  return regions;
}

/// The closed forms of the predicate. One that may be absent excludes its
/// element, whatever its parts say.
static void close(MaskRegions &regions, bool alwaysPresent) {
  TermContext &c = *regions.terms;
  std::vector<Axis> axes = regions.rows;
  axes.push_back(regions.stream);
  Ranges tile(axes);
  regions.full =
      alwaysPresent ? tile.full(regions.predicate) : c.boolean(false);
  regions.empty = tile.empty(regions.predicate);

  auto parts = alternatives(regions.predicate, /*negate=*/false);
  if (!parts)
    parts = SmallVector<Conjunction>{{regions.predicate}};
  for (const Conjunction &conjunction : *parts) {
    regions.disjuncts.push_back(boundDisjunct(regions, conjunction));
    if (!alwaysPresent)
      regions.disjuncts.back().fullHi = c.integer(0);
  }
  regions.streamLo = regions.streamExtent;
  regions.streamHi = c.integer(0);
  for (auto [number, disjunct] : llvm::enumerate(regions.disjuncts)) {
    regions.streamLo =
        number ? min(regions.streamLo, disjunct.lo) : disjunct.lo;
    regions.streamHi =
        number ? max(regions.streamHi, disjunct.hi) : disjunct.hi;
  }
}

mlir::FailureOr<MaskRegions> analyzeMask(llvm::ArrayRef<Value> conditions,
                                         llvm::ArrayRef<StringRef> rowRanks,
                                         StringRef streamRank) {
  MaskRegions regions = begin(rowRanks, streamRank);
  ConditionReader reader(regions);
  SmallVector<Term> all;
  bool alwaysPresent = true;
  for (Value condition : conditions) {
    auto type = mlir::dyn_cast<cascade::FieldType>(condition.getType());
    if (!type || type.getKind() != cascade::Kind::Bool)
      return mlir::failure();
    all.push_back(reader.truth(condition));
    alwaysPresent &= isAlwaysPresent(condition);
  }
  regions.predicate = regions.terms->logicalAnd(all);
  close(regions, alwaysPresent);
  return regions;
}

MaskRegions analyzeRead(cascade::ReadOp read,
                        llvm::ArrayRef<StringRef> rowRanks,
                        StringRef streamRank) {
  MaskRegions regions = begin(rowRanks, streamRank);
  ConditionReader reader(regions);
  SmallVector<Term> all;
  bool alwaysPresent = true;
  for (auto [dim, index] : llvm::enumerate(read.getIndices())) {
    alwaysPresent &= isAlwaysPresent(index);
    if (!cascade::isInside(read, dim))
      all.push_back(reader.inside(read, dim));
  }
  regions.predicate = regions.terms->logicalAnd(all);
  close(regions, alwaysPresent);
  return regions;
}

} // namespace einfall::regions
