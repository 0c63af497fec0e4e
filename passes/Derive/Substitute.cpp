//===- Substitute.cpp - Fields at other coordinates, as written out -------===//

#include "passes/Derive/Substitute.h"

#include "dialect/Cascade/Inside.h"

#include "llvm/ADT/TypeSwitch.h"

#include <map>
#include <set>

using namespace mlir;
using namespace einfall::cascade;
using namespace einfall::derive;

namespace {

/// A field after the substitution.
struct Moved {
  Value value;
  /// Ranks whose index lies inside wherever the field is present.
  std::set<StringRef> inside;
};

/// One `at` on its way inwards.
class Substitution {
public:
  explicit Substitution(AtOp op) : op(op), builder(op) {
    for (auto [rank, index] : llvm::zip(names(op.getRanks()), op.getIndices()))
      indices[rank] = index;
  }

  /// The same field without `at`; null where that cannot be.
  Value run() {
    std::optional<Moved> moved = move(op.getValue());
    if (!moved)
      return {};
    Value result = moved->value;
    for (auto &[rank, index] : indices)
      if (!moved->inside.count(rank) && !isInside(index, rank))
        result = restrictTo(result, rank, index);
    return result.getType() == op.getType() ? result : Value();
  }

private:
  std::optional<Moved> move(Value value) {
    if (llvm::none_of(indices, [&, type = fieldType(value)](auto &entry) {
          return type.hasRank(entry.first);
        }))
      return Moved{value, {}};
    auto it = done.find(value);
    if (it == done.end())
      it = done.insert({value, compute(value)}).first;
    return it->second;
  }

  std::optional<Moved> compute(Value value) {
    using Result = std::optional<Moved>;
    Operation *from = value.getDefiningOp();
    if (!from)
      return std::nullopt;
    Location loc = from->getLoc();
    return llvm::TypeSwitch<Operation *, Result>(from)
        .Case([&](CoordOp coord) -> Result {
          return Moved{indices.at(coord.getRank()), {}};
        })
        .Case([&](ReadOp read) { return moveRead(read); })
        .Case<MapOp, WhereOp>([&](Operation *) -> Result {
          Moved result;
          SmallVector<Value> operands;
          for (Value operand : from->getOperands()) {
            Result moved = move(operand);
            if (!moved)
              return std::nullopt;
            operands.push_back(moved->value);
            result.inside.insert(moved->inside.begin(), moved->inside.end());
          }
          if (auto map = dyn_cast<MapOp>(from))
            result.value =
                MapOp::create(builder, loc, map.getFunction(), operands);
          else
            result.value = restricted(loc, operands[0], operands[1]);
          return result;
        })
        .Case([&](OrElseOp other) -> Result {
          Result first = move(other.getValue());
          Result second = move(other.getFallback());
          if (!first || !second)
            return std::nullopt;
          Moved result;
          for (StringRef rank : first->inside)
            if (second->inside.count(rank))
              result.inside.insert(rank);
          Value values[] = {first->value, second->value};
          result.value = OrElseOp::create(
              builder, loc,
              joinRanks(op.getContext(), fieldType(value).getKind(),
                        ValueRange(values).getTypes()),
              values[0], values[1]);
          return result;
        })
        .Case([&](PresentOp present) -> Result {
          Result moved = move(present.getValue());
          if (!moved)
            return std::nullopt;
          Value result = PresentOp::create(
              builder, loc, fieldType(moved->value).withKind(Kind::Bool),
              moved->value);
          return Moved{result, {}};
        })
        .Case([&](ReduceOp reduce) -> Result {
          SmallVector<StringRef> ranks = names(reduce.getRanks());
          for (auto &[rank, index] : indices)
            for (StringRef bound : ranks)
              if (rank == bound || fieldType(index).hasRank(bound))
                return std::nullopt;
          Result moved = move(reduce.getValue());
          if (!moved)
            return std::nullopt;
          // Of nothing, sums and the like are present nevertheless.
          Value result = ReduceOp::create(builder, loc, reduce.getMonoid(),
                                          ranks, moved->value);
          return Moved{result, {}};
        })
        .Default([](Operation *) -> Result { return std::nullopt; });
  }

  std::optional<Moved> moveRead(ReadOp read) {
    auto input = read.getTensor().getDefiningOp<InputOp>();
    if (!input)
      return std::nullopt;
    Moved result;
    SmallVector<Value> at;
    for (auto [dim, index] :
         llvm::zip(names(input.getDims()), read.getIndices())) {
      std::optional<Moved> moved = move(index);
      if (!moved)
        return std::nullopt;
      at.push_back(moved->value);
      result.inside.insert(moved->inside.begin(), moved->inside.end());
      auto coord = index.getDefiningOp<CoordOp>();
      if (coord && coord.getRank() == dim)
        result.inside.insert(dim);
    }
    result.value = ReadOp::create(
        builder, read.getLoc(),
        joinRanks(op.getContext(), fieldType(read.getResult()).getKind(),
                  ValueRange(at).getTypes()),
        read.getTensor(), at);
    return result;
  }

  Value restricted(Location loc, Value value, Value condition) {
    Value both[] = {value, condition};
    return WhereOp::create(builder, loc,
                           joinRanks(op.getContext(),
                                     fieldType(value).getKind(),
                                     ValueRange(both).getTypes()),
                           value, condition);
  }

  Value restrictTo(Value value, StringRef rank, Value index) {
    Location loc = op.getLoc();
    auto map = [&](Function function, Value x, Value y) -> Value {
      return MapOp::create(builder, loc, function, ValueRange{x, y});
    };
    Value zero = ConstOp::create(builder, loc, int64_t(0));
    Value size = ExtentOp::create(
        builder, loc,
        FieldType::get(op.getContext(), Kind::Int, ArrayRef<StringRef>{}),
        rank);
    return restricted(loc, value,
                      map(Function::And, map(Function::Ge, index, zero),
                          map(Function::Lt, index, size)));
  }

  AtOp op;
  OpBuilder builder;
  std::map<StringRef, Value> indices;
  DenseMap<Value, std::optional<Moved>> done;
};

} // namespace

void einfall::derive::pushSubstitutions(KernelOp kernel) {
  // In the order of definition: what an `at` looks into has none of its own.
  for (AtOp at : llvm::to_vector(kernel.getBody().front().getOps<AtOp>()))
    if (Value result = Substitution(at).run()) {
      at.getResult().replaceAllUsesWith(result);
      at.erase();
    }
}
