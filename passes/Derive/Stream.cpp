//===- Stream.cpp - A kernel seen from one set of streamed ranks ----------===//

#include "passes/Derive/Stream.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

Stream::Stream(ArrayRef<StringRef> ranks, ArrayRef<ReduceOp> list)
    : ranks(ranks) {
  for (ReduceOp member : list)
    members.insert(member);
}

bool Stream::carries(Value value) const {
  auto type = dyn_cast<FieldType>(value.getType());
  return type && llvm::any_of(
                     ranks, [&](StringRef rank) { return type.hasRank(rank); });
}

void Stream::setLevel(Operation *member, unsigned level) {
  memberLevels[member] = level;
}

unsigned Stream::level(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return 0;
  if (isMember(op))
    return memberLevels.lookup(op);
  auto it = levels.find(value);
  if (it != levels.end())
    return it->second;
  unsigned result = 0;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (def && !op->isProperAncestor(def))
        result = std::max(result, level(operand));
    }
  });
  return levels[value] = result;
}

AtomId Stream::leaf(Value value) {
  return algebra.leaf(value, carries(value), level(value), isPositive(value));
}

//===----------------------------------------------------------------------===//
// Signs
//===----------------------------------------------------------------------===//

static std::optional<double> constantOf(Value value) {
  if (auto constant = value.getDefiningOp<ConstOp>()) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      return real.getValueAsDouble();
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue());
        integer && !integer.getType().isInteger(1))
      return static_cast<double>(integer.getInt());
  }
  if (auto map = value.getDefiningOp<MapOp>();
      map && map.getFunction() == Function::ToReal)
    return constantOf(map.getOperands()[0]);
  return std::nullopt;
}

bool Stream::isPositive(Value value, unsigned depth) {
  if (depth > 12)
    return false;
  auto positive = [&](Value operand) { return isPositive(operand, depth + 1); };
  if (std::optional<double> constant = constantOf(value))
    return *constant > 0;
  Operation *op = value.getDefiningOp();
  if (auto reduce = dyn_cast_or_null<ReduceOp>(op))
    return (reduce.getMonoid() == Monoid::Sum ||
            reduce.getMonoid() == Monoid::Max) &&
           positive(reduce.getValue());
  if (auto where = dyn_cast_or_null<WhereOp>(op))
    return positive(where.getValue());
  if (auto other = dyn_cast_or_null<OrElseOp>(op))
    return positive(other.getValue()) && positive(other.getFallback());
  auto map = dyn_cast_or_null<MapOp>(op);
  if (!map)
    return false;
  switch (map.getFunction()) {
  case Function::Exp:
    return true;
  case Function::Add:
  case Function::Mul:
  case Function::Div:
  case Function::Min:
  case Function::Sqrt:
    return llvm::all_of(map.getOperands(), positive);
  case Function::Max:
    return llvm::any_of(map.getOperands(), positive);
  case Function::Select:
    return positive(map.getOperands()[1]) && positive(map.getOperands()[2]);
  default:
    return false;
  }
}

bool Stream::isPositiveOn(Value value, const Domain &present) {
  if (!isPositive(value))
    return false;
  // Every sum in it must have something to sum.
  SmallVector<Value> work{value};
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op)
      continue;
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      if (reduce.getMonoid() != Monoid::Sum)
        continue;
      if (!isMember(reduce))
        return false;
      for (const Fact &fact : domains.get(reduce.getValue())) {
        // The presence of a maximum over no fewer coordinates follows.
        auto maximum = fact.value.getDefiningOp<ReduceOp>();
        bool follows = !fact.truth && maximum && isMember(maximum) &&
                       implies(present, domains.get(maximum.getValue()));
        if (!follows && !hasFact(present, fact))
          return false;
      }
    } else if (isa<MapOp, WhereOp, OrElseOp>(op)) {
      llvm::append_range(work, op->getOperands());
    }
  }
  return true;
}

/// Whether two fields are computed in the same way.
static bool sameExpression(Value a, Value b) {
  if (a == b)
    return true;
  auto left = dyn_cast<OpResult>(a), right = dyn_cast<OpResult>(b);
  if (!left || !right || left.getResultNumber() != right.getResultNumber())
    return false;
  return OperationEquivalence::isEquivalentTo(
      left.getOwner(), right.getOwner(),
      [](Value x, Value y) { return success(sameExpression(x, y)); }, nullptr,
      OperationEquivalence::IgnoreLocations);
}

/// Whether `upper` is a maximum (or more) of `value`, over ranks that are
/// streamed no more.
static bool isAtLeast(Value upper, Value value) {
  Operation *op = upper.getDefiningOp();
  if (auto reduce = dyn_cast_or_null<ReduceOp>(op))
    return reduce.getMonoid() == Monoid::Max &&
           sameExpression(reduce.getValue(), value);
  if (auto fold = dyn_cast_or_null<FoldOp>(op)) {
    unsigned number = cast<OpResult>(upper).getResultNumber();
    auto yield = cast<YieldOp>(fold.getStep().front().back());
    return fold.getMonoid(number) == Monoid::Max &&
           sameExpression(yield.getValues()[number], value);
  }
  if (auto other = dyn_cast_or_null<OrElseOp>(op))
    return isAtLeast(other.getValue(), value);
  auto map = dyn_cast_or_null<MapOp>(op);
  return map && map.getFunction() == Function::Max &&
         llvm::any_of(map.getOperands(),
                      [&](Value v) { return isAtLeast(v, value); });
}

bool Stream::isNonPositive(Value value) {
  if (std::optional<double> constant = constantOf(value))
    return *constant <= 0;
  Operation *op = value.getDefiningOp();
  if (auto where = dyn_cast_or_null<WhereOp>(op))
    return isNonPositive(where.getValue());
  auto map = dyn_cast_or_null<MapOp>(op);
  if (!map)
    return false;
  auto isNonNegative = [&](Value v) {
    if (std::optional<double> constant = constantOf(v))
      return *constant >= 0;
    auto inner = v.getDefiningOp<MapOp>();
    if (!inner)
      return false;
    switch (inner.getFunction()) {
    case Function::Abs:
    case Function::Sqrt:
    case Function::Exp:
      return true;
    case Function::Mul:
      return inner.getOperands()[0] == inner.getOperands()[1];
    case Function::Pow: {
      std::optional<double> power = constantOf(inner.getOperands()[1]);
      return power && std::fmod(*power, 2.0) == 0;
    }
    default:
      return isPositive(v);
    }
  };
  switch (map.getFunction()) {
  case Function::Neg:
    return isNonNegative(map.getOperands()[0]);
  case Function::Min:
    return llvm::any_of(map.getOperands(),
                        [&](Value v) { return isNonPositive(v); });
  case Function::Mul:
    for (unsigned i : {0u, 1u})
      if (isNonNegative(map.getOperands()[i]) &&
          isNonPositive(map.getOperands()[1 - i]))
        return true;
    return false;
  case Function::Sub:
    return (constantOf(map.getOperands()[0]) == 0.0 &&
            isNonNegative(map.getOperands()[1])) ||
           isAtLeast(map.getOperands()[1], map.getOperands()[0]);
  default:
    return false;
  }
}

bool Stream::dominates(Value upper, Value member) {
  if (upper == member)
    return true;
  Operation *op = upper.getDefiningOp();
  if (auto other = dyn_cast_or_null<OrElseOp>(op))
    return dominates(other.getValue(), member);
  auto map = dyn_cast_or_null<MapOp>(op);
  return map && map.getFunction() == Function::Max &&
         llvm::any_of(map.getOperands(),
                      [&](Value v) { return dominates(v, member); });
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

/// Whether the products and sums that make up a streamed field show an
/// exponential whose exponent may be of any size.
bool Stream::holdsExp(Value value) {
  if (!carries(value))
    return false;
  Operation *op = value.getDefiningOp();
  if (auto where = dyn_cast_or_null<WhereOp>(op))
    return holdsExp(where.getValue());
  auto map = dyn_cast_or_null<MapOp>(op);
  if (!map)
    return false;
  switch (map.getFunction()) {
  case Function::Exp:
    return !isNonPositive(map.getOperands()[0]);
  case Function::Add:
  case Function::Sub:
  case Function::Mul:
  case Function::Neg:
  case Function::Select:
    return llvm::any_of(map.getOperands(),
                        [&](Value operand) { return holdsExp(operand); });
  case Function::Div:
    return holdsExp(map.getOperands()[0]);
  default:
    return false;
  }
}

Poly Stream::open(Value value) {
  auto it = opened.find(value.getAsOpaquePointer());
  if (it != opened.end())
    return it->second;
  Poly result;
  Operation *op = value.getDefiningOp();
  bool real = fieldType(value).getKind() == Kind::Real;
  std::optional<double> constant = real ? constantOf(value) : std::nullopt;
  if (constant && std::isfinite(*constant))
    result = algebra.constant(Rational::exactly(*constant));
  else if (!real || !carries(value) || (level(value) == 0 && !holdsExp(value)))
    result = algebra.of(leaf(value));
  else if (auto where = dyn_cast_or_null<WhereOp>(op))
    result = open(where.getValue());
  else if (auto map = dyn_cast_or_null<MapOp>(op))
    result = openMap(map, value);
  else
    result = algebra.of(leaf(value));
  return opened[value.getAsOpaquePointer()] = result;
}

Poly Stream::openMap(MapOp map, Value value) {
  Poly whole = algebra.of(leaf(value));
  auto operand = [&](unsigned i) { return open(map.getOperands()[i]); };
  auto orWhole = [&](std::optional<Poly> poly) { return poly ? *poly : whole; };
  switch (map.getFunction()) {
  case Function::Add:
    return algebra.add(operand(0), operand(1));
  case Function::Sub:
    return algebra.sub(operand(0), operand(1));
  case Function::Neg:
    return algebra.scale(operand(0), Rational(-1));
  case Function::Mul:
    return algebra.mul(operand(0), operand(1));
  case Function::Div: {
    Poly divisor = operand(1);
    // 1/(c + rho) is not of finite rank.
    if (!divisor.isSingle() && algebra.carries(divisor) &&
        algebra.level(divisor) > 0)
      return whole;
    std::optional<Poly> inverse =
        divisor.isSingle() || !carries(map.getOperands()[1])
            ? algebra.inverse(divisor)
            : algebra.inverse(algebra.of(leaf(map.getOperands()[1])));
    return inverse ? algebra.mul(operand(0), *inverse) : whole;
  }
  case Function::Exp: {
    // exp(if(c, a, b)) is if(c, exp(a), exp(b)).
    auto select = map.getOperands()[0].getDefiningOp<MapOp>();
    if (select && select.getFunction() == Function::Select) {
      Value condition = select.getOperands()[0];
      auto branch = [&](unsigned i, bool truth) {
        return algebra.mul(
            algebra.of(algebra.choice(condition, truth, carries(condition),
                                      level(condition))),
            algebra.exp(open(select.getOperands()[i])));
      };
      return algebra.add(branch(1, true), branch(2, false));
    }
    return algebra.exp(operand(0));
  }
  case Function::Log: {
    std::optional<Poly> split = algebra.log(operand(0));
    // The sums it splits off must be known to have something to sum.
    if (split)
      for (auto &[monomial, coefficient] : operand(0).terms)
        for (auto [atom, power] : monomial.factors)
          if (const Atom &a = algebra[atom];
              a.kind == Atom::Leaf && !a.carries &&
              !isPositiveOn(a.value, domains.get(value)))
            return whole;
    return orWhole(split);
  }
  case Function::Sqrt:
    return orWhole(algebra.sqrt(operand(0)));
  case Function::Pow: {
    std::optional<double> power = constantOf(map.getOperands()[1]);
    if (!power || *power != std::floor(*power) || std::abs(*power) > 6)
      return whole;
    Poly base = operand(0);
    if (*power < 0 && !base.isSingle())
      return whole;
    return orWhole(algebra.power(base, static_cast<int>(*power)));
  }
  case Function::Select: {
    Value condition = map.getOperands()[0];
    auto branch = [&](unsigned i, bool truth) {
      return algebra.mul(
          algebra.of(algebra.choice(condition, truth, carries(condition),
                                    level(condition))),
          operand(i));
    };
    return algebra.add(branch(1, true), branch(2, false));
  }
  default:
    return whole;
  }
}

void Stream::describeMixture(Value mixed, SmallVectorImpl<std::string> &c,
                             SmallVectorImpl<std::string> &rho) {
  auto note = [](SmallVectorImpl<std::string> &list, std::string name) {
    if (!llvm::is_contained(list, name) && list.size() < 3)
      list.push_back(std::move(name));
  };
  SmallVector<Value> work{mixed};
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second || !isa<FieldType>(value.getType()))
      continue;
    if (!carries(value)) {
      if (level(value) > 0)
        note(rho, fieldName(value));
    } else if (level(value) == 0) {
      if (!value.getDefiningOp<CoordOp>())
        note(c, fieldName(value));
    } else if (Operation *op = value.getDefiningOp()) {
      llvm::append_range(work, llvm::reverse(op->getOperands()));
    }
  }
}
