//===- BlockStream.cpp - One fold over the tiles of its stream ------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

BlockEmitter::State BlockEmitter::initialState(const BlockFold &fold) {
  State state;
  const FoldPlan &plan = *fold.plan;
  for (const Component &component : plan.components) {
    FoldOp op = plan.fold;
    double start =
        op.isReference(component.number) ? sentinelOf(component.monoid) : 0.0;
    size_t count = rowsOfThread();
    for (const BlockMatrix &matrix : fold.matrices)
      if (matrix.component == &component)
        count = this->plan.fragments * (matrix.panel.padded() / 8) * 4;
    state.push_back(Values(count, real(start)));
  }
  return state;
}

//===----------------------------------------------------------------------===//
// Which tiles
//===----------------------------------------------------------------------===//

BlockEmitter::Box BlockEmitter::boxOf(const BlockFold &fold, Value start,
                                      Value keys) {
  Box box;
  box.stream = fold.plan->stream;
  box.point = item;
  box.ranks[plan.tiles.row] = {
      firstRow, minimum(add(firstRow, plan.rows()), extent(plan.tiles.row))};
  if (plan.packed) {
    Value first = item.at.at(plan.packed->rank);
    box.ranks[plan.tiles.row] = rowSpan;
    box.ranks[plan.packed->rank] = {first, add(first, group)};
    box.point.at.erase(plan.packed->rank);
  }
  box.ranks[fold.plan->stream] = {start, add(start, keys)};
  return box;
}

Span BlockEmitter::walk(const BlockFold &fold) {
  Value size = extent(fold.plan->stream);
  Box all = boxOf(fold, constant(0), size);
  std::optional<Span> result;
  for (const Component &component : fold.plan->components) {
    std::optional<Span> range = walkOf(component.value, all);
    if (!range)
      return {constant(0), size};
    result = result ? Span{minimum(result->low, range->low),
                           maximum(result->high, range->high)}
                    : *range;
  }
  return {roundDown(result->low, plan.keys), result->high};
}

BlockEmitter::State BlockEmitter::stream(const BlockFold &fold) {
  Value zero = integer(0);
  for (const BlockContraction &contraction : fold.contractions)
    stage(contraction.rows, firstRow, nullptr, zero);
  State state = initialState(fold);
  Span tiles = partOf(walk(fold));
  // Tiles are copied `ahead` iterations before they are used.
  int64_t ahead = plan.stages - 1;
  bool shares = !fold.contractions.empty() || !fold.matrices.empty();
  bool direct = shares && plan.staging == Staging::Chunks;
  auto copyTile = [&](Value start, Value base) {
    ifThen(compare(Predicate::slt, start, tiles.high),
           [&] { stageKeys(fold, start, base, /*direct=*/true); });
    device::CopyCommitOp::create(b, loc());
  };
  if (direct)
    for (int64_t i = 0; i < ahead; ++i)
      copyTile(add(tiles.low, i * plan.keys), integer(i * fold.stageBytes));
  // Carried: the state, and which stage the tile at hand lies in.
  Values init = flatten(state);
  init.push_back(zero);
  int64_t ring = plan.stages * fold.stageBytes;
  Values ends = loop(
      tiles.low, tiles.high, plan.keys, init,
      [&](Value start, ValueRange carried) {
        Value base = carried.back();
        auto after = [&](int64_t stages) -> Value {
          if (ring <= fold.stageBytes)
            return base;
          Value next = addI(base, integer(stages * fold.stageBytes));
          Value wrapped = arith::SubIOp::create(b, loc(), next, integer(ring));
          return select(compare(Predicate::sge, next, integer(ring)), wrapped,
                        next);
        };
        if (direct && ahead)
          device::CopyWaitOp::create(b, loc(), ahead - 1);
        if (shares)
          barrier();
        stageKeys(fold, start, base, /*direct=*/false);
        if (direct) {
          copyTile(add(start, ahead * plan.keys), after(ahead));
          if (!ahead)
            device::CopyWaitOp::create(b, loc(), 0);
        }
        bool sync = shares && (!direct || !ahead);
        for (const BlockContraction &contraction : fold.contractions)
          sync |= !contraction.keys.direct;
        for (const BlockMatrix &matrix : fold.matrices)
          sync |= !matrix.panel.direct;
        if (sync)
          barrier();
        Values next =
            flatten(step(fold, cut(carried.drop_back(), state), start, base));
        next.push_back(after(1));
        return next;
      });
  ends.pop_back();
  state = cut(ends, state);
  if (direct)
    device::CopyWaitOp::create(b, loc(), 0);
  return state;
}

//===----------------------------------------------------------------------===//
// Numbers left out of scores
//===----------------------------------------------------------------------===//

void BlockEmitter::takeScales(const BlockFold &fold) {
  scales.clear();
  for (const BlockContraction &contraction : fold.contractions) {
    if (!contraction.unscaledReference)
      continue;
    Value number;
    for (Factor factor : contraction.rest) {
      Memo memo;
      Value x = eval(factor.value, item, memo).value;
      if (factor.inverted)
        x = apply(Function::Div, {real(1), x});
      number = number ? apply(Function::Mul, {number, x}) : x;
    }
    Value negated = arith::NegFOp::create(b, loc(), number);
    scales[*contraction.unscaledReference] = {
        arith::MaximumFOp::create(b, loc(), number, negated),
        arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OLT, number,
                              real(0))};
  }
}

void BlockEmitter::negateIf(Value condition, Values &values) {
  auto branch = scf::IfOp::create(b, loc(), ValueRange(values).getTypes(),
                                  condition, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc(), values);
  b.setInsertionPointToStart(branch.thenBlock());
  Values negated;
  for (Value value : values)
    negated.push_back(arith::NegFOp::create(b, loc(), value));
  scf::YieldOp::create(b, loc(), negated);
  values = Values(branch.getResults());
}

Value BlockEmitter::scaled(unsigned reference, Value value) {
  auto scale = scales.find(reference);
  return scale == scales.end()
             ? value
             : apply(Function::Mul, {value, scale->second.size});
}

//===----------------------------------------------------------------------===//
// One tile
//===----------------------------------------------------------------------===//

Value BlockEmitter::combine(Monoid monoid, Value x, Value y) {
  switch (monoid) {
  case Monoid::Max:
    return arith::MaximumFOp::create(b, loc(), x, y);
  case Monoid::Min:
    return arith::MinimumFOp::create(b, loc(), x, y);
  case Monoid::First: {
    Value none = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ, x,
                                       real(sentinelOf(monoid)));
    return arith::SelectOp::create(b, loc(), none, y, x);
  }
  default:
    return arith::AddFOp::create(b, loc(), x, y);
  }
}

Values BlockEmitter::quadReduce(ArrayRef<Value> rows, Monoid monoid) {
  return laneReduce(rows, monoid, {1, 2});
}

Values BlockEmitter::laneReduce(ArrayRef<Value> rows, Monoid monoid,
                                ArrayRef<int64_t> masks) {
  Values result;
  for (Value row : rows) {
    for (int64_t mask : masks) {
      Value other = shuffleXor(row, mask);
      if (monoid == Monoid::First) {
        // All lanes must agree on one of the values: that of the lower lane.
        Value odd = compare(
            Predicate::ne, arith::AndIOp::create(b, loc(), lane, integer(mask)),
            integer(0));
        Value low = select(odd, other, row), high = select(odd, row, other);
        row = combine(monoid, low, high);
      } else {
        row = combine(monoid, row, other);
      }
    }
    result.push_back(row);
  }
  return result;
}

BlockEmitter::State BlockEmitter::step(const BlockFold &fold,
                                       const State &state, Value start,
                                       Value base) {
  SmallVector<Values> scores;
  for (const BlockContraction &contraction : fold.contractions)
    scores.push_back(contract(contraction, base));
  Summands taken = summandsOfTile(fold, state, scores, start);
  State next = state;
  advance(fold, state, taken, next);
  takeStray(
      fold, next,
      [&](unsigned matrix, Value key) {
        return weightsInFragments(taken.weights[fold.matrices[matrix].weights],
                                  key);
      },
      base, taken.crossed);
  for (const BlockMatrix &matrix : fold.matrices) {
    unsigned component = matrix.component->number;
    next[component] = accumulate(fold, matrix, taken.weights[matrix.weights],
                                 next[component], base);
  }
  return next;
}

/// Whether the condition is made of constants that hold.
static bool surelyHolds(Value condition) {
  if (auto all = condition.getDefiningOp<arith::AndIOp>())
    return surelyHolds(all.getLhs()) && surelyHolds(all.getRhs());
  return matchPattern(condition, m_One());
}

/// Full tiles need no tests.
BlockEmitter::Summands BlockEmitter::summandsOfTile(const BlockFold &fold,
                                                    const State &state,
                                                    ArrayRef<Values> given,
                                                    Value start) {
  FoldOp op = fold.plan->fold;
  SmallVector<Values> scores(given);
  for (auto [number, contraction] : llvm::enumerate(fold.contractions))
    if (contraction.unscaledReference)
      negateIf(scales.at(*contraction.unscaledReference).isNegative,
               scores[number]);
  Value size = extent(fold.plan->stream);
  Value present = minimum(constant(plan.keys), sub(size, start));
  Extremes here = presentOn(fold.plan->components, boxOf(fold, start, present));
  // Weights tell what does not exist, for those who ask (BlockStray.cpp).
  Value crossed;
  if (!fold.matrices.empty() && !(here.always && surelyHolds(here.always)))
    crossed = here.always
                  ? Value(arith::XOrIOp::create(b, loc(), here.always,
                                                LaneBuilder::truth(true)))
                  : LaneBuilder::truth(true);
  bool marksAbsent = crossed != nullptr;
  if (!here.always) {
    Summands taken = summands(fold, state, scores, start, false, marksAbsent);
    taken.crossed = crossed;
    return taken;
  }
  Value whole =
      both(here.always, compare(Predicate::eq, present, constant(plan.keys)));
  unsigned floats = op.getReferences() * rowsOfThread();
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix && !op.isReference(component.number))
      floats += rowsOfThread();
  floats += fold.weights.size() * plan.fragments * keyFragments() * 4;
  SmallVector<Type> types(floats, b.getF32Type());
  auto branch = scf::IfOp::create(b, loc(), types, whole, true);
  OpBuilder::InsertionGuard guard(b);
  Summands taken;
  SmallVector<Values> shape;
  for (bool isWhole : {true, false}) {
    b.setInsertionPointToStart(isWhole ? branch.thenBlock()
                                       : branch.elseBlock());
    taken =
        summands(fold, state, scores, start, isWhole, marksAbsent && !isWhole);
    shape.clear();
    for (const State &part : {taken.state, State(taken.weights)})
      llvm::append_range(shape, part);
    scf::YieldOp::create(b, loc(), flatten(shape));
  }
  SmallVector<Values> results = cut(branch.getResults(), shape);
  size_t rowParts = taken.state.size();
  taken.state.assign(results.begin(), results.begin() + rowParts);
  taken.weights.assign(results.begin() + rowParts, results.end());
  taken.crossed = crossed;
  return taken;
}

/// References move to those of `taken`, what has been summed in `state` moves
/// with them, and row sums take theirs; into `next`.
void BlockEmitter::advance(const BlockFold &fold, const State &state,
                           const Summands &taken, State &next) {
  FoldOp op = fold.plan->fold;
  SmallVector<const Component *> orders, sums;
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix)
      (op.isReference(component.number) ? orders : sums).push_back(&component);
  for (auto [number, component] : llvm::enumerate(orders))
    next[component->number] = taken.state[number];
  if (!orders.empty())
    move(fold, state, taken.state, next);
  for (auto [number, component] : llvm::enumerate(sums))
    for (unsigned r = 0; r < rowsOfThread(); ++r) {
      Value &sum = next[component->number][r];
      sum = arith::AddFOp::create(b, loc(), sum,
                                  taken.state[orders.size() + number][r]);
    }
}

/// Sums and matrices of `state` acted on by the move of the references to
/// `newest`, into `next`. Where no reference of a warp's rows moves, which is
/// most tiles, the action is that of the unit: nothing changes.
void BlockEmitter::move(const BlockFold &fold, const State &state,
                        ArrayRef<Values> newest, State &next) {
  FoldOp op = fold.plan->fold;
  unsigned references = op.getReferences();
  auto yields = cast<YieldOp>(op.getAct().front().getTerminator()).getValues();
  ValueRange arguments = op.getAct().getArguments();
  SmallVector<const Component *> orders, moved;
  for (const Component &component : fold.plan->components)
    (op.isReference(component.number) ? orders : moved).push_back(&component);

  SmallVector<Memo> memos;
  Value differs;
  for (unsigned r = 0; r < rowsOfThread(); ++r) {
    Memo memo = rowMemos[r];
    for (auto [number, component] : llvm::enumerate(orders)) {
      Value absent = real(sentinelOf(component->monoid));
      auto is = [&](Value value) -> Value {
        return arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ, value,
                                     absent);
      };
      Value now = newest[number][r], old = state[component->number][r];
      Value after = select(is(now), real(0), now);
      Value before = select(is(old), after, old);
      memo[arguments[number]] = {before, nullptr};
      memo[arguments[references + number]] = {after, nullptr};
      Value here = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::UNE,
                                         before, after);
      differs =
          differs ? Value(arith::OrIOp::create(b, loc(), differs, here)) : here;
    }
    memos.push_back(std::move(memo));
  }
  size_t floats = 0;
  for (const Component *component : moved)
    floats += state[component->number].size();
  SmallVector<Type> types(floats, b.getF32Type());
  Value any = device::VoteOp::create(b, loc(), device::Vote::Any, differs);
  auto branch = scf::IfOp::create(b, loc(), types, any, true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    Values same;
    for (const Component *component : moved)
      llvm::append_range(same, state[component->number]);
    scf::YieldOp::create(b, loc(), same);
    b.setInsertionPointToStart(branch.thenBlock());
    State inside = state;
    for (unsigned r = 0; r < rowsOfThread(); ++r)
      moveRow(fold, state, yields, arguments, r, memos[r], inside);
    Values acted;
    for (const Component *component : moved)
      llvm::append_range(acted, inside[component->number]);
    scf::YieldOp::create(b, loc(), acted);
  }
  ValueRange results = branch.getResults();
  for (const Component *component : moved) {
    size_t count = state[component->number].size();
    next[component->number] = Values(results.take_front(count));
    results = results.drop_front(count);
  }
}

void BlockEmitter::moveRow(const BlockFold &fold, const State &state,
                           ValueRange yields, ValueRange arguments, unsigned r,
                           Memo &memo, State &next) {
  FoldOp op = fold.plan->fold;
  unsigned references = op.getReferences();
  Point point = rowPoint(r / 2, r % 2);
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix && !op.isReference(component.number))
      memo[arguments[references + component.number]] = {
          state[component.number][r], nullptr};
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix && !op.isReference(component.number))
      next[component.number][r] =
          eval(yields[component.number - references], point, memo).value;
  for (const BlockMatrix &matrix : fold.matrices) {
    unsigned component = matrix.component->number;
    unsigned features = matrix.panel.padded() / 8;
    Value argument = arguments[references + component];
    Value root = yields[component - references];
    // What does not range over the features is computed once.
    std::function<void(Value)> once = [&](Value field) {
      if (!fieldType(field).hasRank(matrix.component->feature)) {
        eval(field, point, memo);
        return;
      }
      if (Operation *defining = field.getDefiningOp())
        for (Value operand : defining->getOperands())
          if (isa<FieldType>(operand.getType()))
            once(operand);
    };
    once(root);
    for (unsigned f = 0; f < features; ++f)
      for (unsigned c = 0; c < 2; ++c) {
        Memo inner = memo;
        Value &sum =
            next[component][((r / 2) * features + f) * 4 + (r % 2) * 2 + c];
        inner[argument] = {sum, nullptr};
        Point at = point;
        at.at[matrix.component->feature] = add(
            wide(mulI(arith::AndIOp::create(b, loc(), lane, integer(3)), 2)),
            int64_t(f) * 8 + c);
        sum = eval(root, at, inner).value;
      }
  }
}

/// True where a product is surely not -0: one exponential.
static bool isExponential(const Factors &factors) {
  if (factors.size() != 1 || factors.front().inverted)
    return false;
  auto map = factors.front().value.getDefiningOp<MapOp>();
  return map && map.getFunction() == Function::Exp;
}

BlockEmitter::Summands BlockEmitter::summands(const BlockFold &fold,
                                              const State &state,
                                              ArrayRef<Values> scores,
                                              Value start, bool whole,
                                              bool marksAbsent) {
  FoldOp op = fold.plan->fold;
  StringRef stream = fold.plan->stream, row = plan.tiles.row;
  unsigned keys = keyFragments();
  Value knownLane = lane;
  if (marksAbsent)
    forgetLane();
  Value size = extent(stream);
  // The summand and the weight of a key that a row has not. They are the same
  // number, so that presence is asked once and need not wait in registers.
  Value nothing = real(marksAbsent ? -0.0 : 0);
  Value column =
      wide(mulI(arith::AndIOp::create(b, loc(), lane, integer(3)), 2));
  SmallVector<Value> key(keys * 2), exists(keys * 2);
  SmallVector<Memo> ofKey(keys * 2);
  for (unsigned k = 0; k < keys * 2; ++k) {
    key[k] = add(add(start, column), int64_t(k / 2) * 8 + k % 2);
    if (!whole)
      exists[k] = compare(Predicate::slt, key[k], size);
  }
  // Everything at one score: the contractions first.
  auto pointAt = [&](unsigned r, unsigned k) {
    Point point = rowPoint(r / 2, r % 2);
    point.at[stream] = key[k];
    if (!whole)
      point.readAt[stream] = minimum(key[k], sub(size, constant(1)));
    point.whole = whole;
    return point;
  };
  SmallVector<Memo> ofRow(rowMemos);
  SmallVector<SmallVector<Memo>> memos(rowsOfThread(),
                                       SmallVector<Memo>(keys * 2));
  auto product = [&](ArrayRef<Factor> factors, const Point &point, Memo &memo) {
    Lanes result{real(1), nullptr};
    bool first = true;
    for (Factor factor : factors) {
      Lanes x = eval(factor.value, point, memo);
      if (factor.inverted)
        x.value = apply(Function::Div, {real(1), x.value});
      result.value =
          first ? x.value : apply(Function::Mul, {result.value, x.value});
      result.present = both(result.present, x.present);
      first = false;
    }
    return result;
  };
  for (unsigned r = 0; r < rowsOfThread(); ++r)
    for (unsigned k = 0; k < keys * 2; ++k) {
      Memo &memo = memos[r][k];
      memo = ofRow[r];
      for (auto &[field, lanes] : ofKey[k])
        memo[field] = lanes;
      Point point = pointAt(r, k);
      Point within = point;
      within.whole = false; // conditions inside the sum always count
      for (auto [number, contraction] : llvm::enumerate(fold.contractions)) {
        Value value =
            scores[number][((r / 2) * keys + k / 2) * 4 + (r % 2) * 2 + k % 2];
        if (!contraction.rest.empty() && !contraction.unscaledReference) {
          Lanes rest = product(contraction.rest, within, memo);
          value = apply(Function::Mul, {value, rest.value});
          value = select(rest.present, value, real(0));
        }
        for (Value condition : contraction.conditions) {
          Lanes x = eval(condition, within, memo);
          value = select(both(x.value, x.present), value, real(0));
        }
        memo[contraction.result] = {value, nullptr};
      }
    }
  auto remember = [&](unsigned r, unsigned k) {
    // What another key of the row, or another row of the key, needs as well.
    keep(memos[r][k], ofRow[r], {stream});
    SmallVector<StringRef> ofRows{row};
    if (plan.packed)
      ofRows.push_back(plan.packed->rank);
    keep(memos[r][k], ofKey[k], ofRows);
  };
  auto valueAt = [&](const Component &component, unsigned r, unsigned k) {
    Memo &memo = memos[r][k];
    for (Memo *known : {&ofRow[r], &ofKey[k]})
      for (auto &[field, lanes] : *known)
        memo.try_emplace(field, lanes);
    Lanes x = eval(component.value, pointAt(r, k), memo);
    x.present = both(exists[k], x.present);
    remember(r, k);
    return x;
  };

  Summands result;
  unsigned references = op.getReferences();
  for (const Component &component : fold.plan->components) {
    if (!op.isReference(component.number))
      continue;
    Values newest = state[component.number];
    for (unsigned r = 0; r < rowsOfThread(); ++r)
      for (unsigned k = 0; k < keys * 2; ++k) {
        Lanes x = valueAt(component, r, k);
        Value value =
            select(x.present, x.value, real(sentinelOf(component.monoid)));
        newest[r] = combine(component.monoid, newest[r], value);
      }
    newest = quadReduce(newest, component.monoid);
    for (unsigned r = 0; r < rowsOfThread(); ++r) {
      Value absent =
          arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ, newest[r],
                                real(sentinelOf(component.monoid)));
      Lanes inForce{select(absent, real(0), newest[r]), nullptr};
      ofRow[r][op.getStep().getArgument(component.number)] = inForce;
    }
    result.state.push_back(newest);
  }
  assert(result.state.size() == references && "a reference is a component");
  for (const Component &component : fold.plan->components) {
    if (component.isMatrix || op.isReference(component.number))
      continue;
    Values sums(rowsOfThread(), real(0));
    for (unsigned r = 0; r < rowsOfThread(); ++r)
      for (unsigned k = 0; k < keys * 2; ++k) {
        Lanes x = valueAt(component, r, k);
        Value value = select(x.present, x.value, nothing);
        sums[r] = arith::AddFOp::create(b, loc(), sums[r], value);
      }
    result.state.push_back(sums);
  }
  for (const BlockWeights &weights : fold.weights) {
    Values fragment(plan.fragments * keys * 4);
    for (unsigned r = 0; r < rowsOfThread(); ++r)
      for (unsigned k = 0; k < keys * 2; ++k) {
        Memo &memo = memos[r][k];
        for (Memo *known : {&ofRow[r], &ofKey[k]})
          for (auto &[field, lanes] : *known)
            memo.try_emplace(field, lanes);
        Point point = pointAt(r, k);
        Lanes x = product(weights.factors, point, memo);
        x.present = both(exists[k], x.present);
        if (!whole)
          for (Value condition : weights.conditions) {
            Lanes c = eval(condition, point, memo);
            x.present = both(x.present, both(c.value, c.present));
          }
        remember(r, k);
        // What exists is never -0.
        if (marksAbsent && !isExponential(weights.factors))
          x.value = arith::AddFOp::create(b, loc(), x.value, real(0));
        fragment[((r / 2) * keys + k / 2) * 4 + (r % 2) * 2 + k % 2] =
            select(x.present, x.value, nothing);
      }
    result.weights.push_back(fragment);
  }
  lane = knownLane;
  return result;
}
