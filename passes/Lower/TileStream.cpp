//===- TileStream.cpp - One fold over the tiles of its stream -------------===//

#include "passes/Lower/TileEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

static double sentinelOf(Monoid monoid) {
  double infinity = std::numeric_limits<double>::infinity();
  return monoid == Monoid::Min ? infinity : -infinity;
}

void TileEmitter::initState(FoldBuffers &fold, const Point &group) {
  FoldOp op = fold.plan->fold;
  Type f32 = b.getF32Type();
  for (const Component &component : fold.plan->components) {
    bool reference = op.isReference(component.number);
    Value init = splat(reference ? sentinelOf(component.monoid) : 0);
    int64_t features =
        component.isMatrix ? (component.extent + width - 1) / width * width : 1;
    Value from = mul(group.group, features * rows());
    loop(constant(0), constant(features), 1, [&](Value f) {
      for (unsigned part = 0; part < plan.rowVectors; ++part)
        store(init,
              element(fold.state[component.number],
                      add(add(from, mul(f, rows())), int64_t(part) * width),
                      f32));
    });
  }
}

//===----------------------------------------------------------------------===//
// Which tiles, which keys
//===----------------------------------------------------------------------===//

PresenceEmitter::Box TileEmitter::box(FoldBuffers &fold, const Point &group,
                                      Value count, Value start, Value keys) {
  Box result;
  result.point = group;
  result.stream = fold.plan->stream;
  result.ranks[plan.row] = {group.base,
                            minimum(add(group.base, count), extent(plan.row))};
  result.ranks[result.stream] = {start, add(start, keys)};
  return result;
}

/// The keys of a tile in three segments: blocks where something may be present,
/// a run of blocks where everything is, and again blocks where something may
/// be. Blocks before the first and after the last with anything are left out.
/// With `all`, everything is present, and nothing is searched.
TileEmitter::Segments TileEmitter::cut(FoldBuffers &fold, const Point &group,
                                       const Tile &tile, Value all) {
  int64_t block = plan.keyBlock;
  Value end = roundUp(tile.present, block);
  Value searched = all ? select(all, constant(0), end) : end;
  Value none = constant(plan.keyTile);
  SmallVector<Value> found =
      loop(constant(0), searched, block, {none, constant(0), none, constant(0)},
           [&](Value local, ValueRange carried) -> SmallVector<Value> {
             Value start = add(tile.start, local), end = add(local, block);
             Value keys = minimum(constant(block), sub(tile.present, local));
             Extremes here =
                 presentOn(fold.plan->components,
                           box(fold, group, constant(rows()), start, keys));
             Value from = carried[0], to = carried[1], first = carried[2],
                   last = carried[3];
             from = select(here.ever, minimum(from, local), from);
             to = select(here.ever, end, to);
             if (here.always) {
               Value whole = both(
                   here.always, compare(Predicate::eq, keys, constant(block)));
               // The run starts here, or goes on here.
               Value starts = both(whole, compare(Predicate::eq, first, none));
               Value goesOn = both(whole, compare(Predicate::eq, last, local));
               first = select(starts, local, first);
               last = select(starts, end, select(goesOn, end, last));
             }
             return {from, to, first, last};
           });
  Value from = found[0], to = found[1], first = found[2], last = found[3];
  // One block is not worth a walk over the state of its own.
  Value worth =
      compare(Predicate::sgt, sub(last, first), constant(plan.keyBlock));
  Segments result{from, select(worth, first, to), select(worth, last, to), to};
  if (!all)
    return result;
  Value zero = constant(0);
  return {select(all, zero, result.from), select(all, zero, result.firstWhole),
          select(all, roundDown(tile.present, block), result.lastWhole),
          select(all, end, result.to)};
}

/// The tiles between the first and the last that some component has an element
/// in, for any of these rows.
Span TileEmitter::walk(FoldBuffers &fold, const Point &item, Value count) {
  Value size = extent(fold.plan->stream);
  Box all = box(fold, item, mul(count, rows()), constant(0), size);
  std::optional<Span> result;
  for (const Component &component : fold.plan->components) {
    std::optional<Span> range = walkOf(component.value, all);
    if (!range)
      return {constant(0), size};
    result = result ? Span{minimum(result->low, range->low),
                           maximum(result->high, range->high)}
                    : *range;
  }
  return {roundDown(result->low, plan.keyTile), result->high};
}

/// Says of the loop over groups before here what a round of it touches in the
/// workspace, for passes/Traffic: bytes of a group, or of a key and a group.
void TileEmitter::markVisits(const FoldBuffers &fold, bool ofTiles) {
  int64_t row = 4 * rows(), contracted = 0, states = 0, blocks = 0;
  int64_t keys = int64_t(4) * fold.keys.size(), features = 0;
  for (auto &[value, contraction] : fold.plan->contractions)
    contracted += contraction.extent;
  for (const Component &component : fold.plan->components) {
    int64_t padded =
        component.isMatrix ? (component.extent + width - 1) / width * width : 1;
    states += padded;
    if (component.isMatrix)
      blocks += (component.extent + plan.keyBlock - 1) / plan.keyBlock;
  }
  for (const Panel &panel : fold.panels)
    (panel.byKeys ? keys : features) +=
        4 * ((panel.extent + width - 1) / width * width);
  llvm::SmallPtrSet<void *, 4> between;
  for (auto &[value, address] : fold.scores)
    between.insert(address.getAsOpaquePointer());
  for (const Weights &weights : fold.weights)
    between.insert(weights.address.getAsOpaquePointer());
  SmallVector<NamedAttribute> touched;
  auto say = [&](StringRef name, int64_t number) {
    touched.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(number)));
  };
  say("operands", row * (contracted + int64_t(fold.rows.size())));
  say("states", row * states);
  if (ofTiles) {
    say("tile", plan.keyTile);
    say("block", plan.keyBlock);
    say("rows", rows());
    say("scores", row * int64_t(between.size()));
    say("keys", keys);
    say("features", features);
    say("feature blocks", blocks);
  }
  std::prev(b.getInsertionPoint())
      ->setAttr("einfall.visit", b.getDictionaryAttr(touched));
}

void TileEmitter::stream(FoldBuffers &fold, const Point &item, Value count) {
  Value size = extent(fold.plan->stream);
  Span tiles = walk(fold, item, count);
  loop(tiles.low, tiles.high, plan.keyTile, [&](Value start) {
    Tile tile;
    tile.start = start;
    tile.present = minimum(constant(plan.keyTile), sub(size, start));
    tile.from = constant(0);
    tile.to = roundUp(tile.present, plan.keyBlock);
    tile.to.getDefiningOp()->setAttr("einfall.keys", b.getUnitAttr());
    tile.whole = false;
    auto visitGroups = [&] {
      packKeys(fold, item, tile);
      loop(constant(0), count, 1, [&](Value number) {
        Point group = item;
        group.group = number;
        group.base = add(item.base, mul(number, rows()));
        Extremes here =
            presentOn(fold.plan->components,
                      box(fold, group, constant(rows()), start, tile.present));
        Segments segments = cut(fold, group, tile, here.always);
        loop(constant(0), constant(3), 1, [&](Value number) {
          Value first = compare(Predicate::eq, number, constant(0));
          Value second = compare(Predicate::eq, number, constant(1));
          Tile part = tile;
          part.from =
              select(first, segments.from,
                     select(second, segments.firstWhole, segments.lastWhole));
          part.to = select(first, segments.firstWhole,
                           select(second, segments.lastWhole, segments.to));
          auto tested = [&] { step(fold, group, part); };
          auto whole = [&] {
            part.whole = true;
            step(fold, group, part);
          };
          ifThen(compare(Predicate::slt, part.from, part.to), [&] {
            if (!here.always)
              return tested();
            ifThen(second, whole, [&] {
              part.whole = false;
              tested();
            });
          });
        });
      });
      markVisits(fold, /*ofTiles=*/true);
    };
    Extremes any =
        presentOn(fold.plan->components,
                  box(fold, item, mul(count, rows()), start, tile.present));
    if (any.ever)
      ifThen(any.ever, visitGroups);
    else
      visitGroups();
  });
}

//===----------------------------------------------------------------------===//
// One tile for one group of rows
//===----------------------------------------------------------------------===//

Point TileEmitter::keyPoint(FoldBuffers &fold, const Point &row,
                            const Tile &tile, Value local) {
  Point point = row;
  StringRef stream = fold.plan->stream;
  Value key = add(tile.start, local);
  point.at[stream] = key;
  if (!tile.whole)
    point.readAt[stream] = minimum(key, sub(extent(stream), constant(1)));
  point.local = local;
  point.whole = tile.whole;
  return point;
}

void TileEmitter::step(FoldBuffers &fold, const Point &group,
                       const Tile &tile) {
  FoldOp op = fold.plan->fold;
  Type f32 = b.getF32Type();
  unsigned references = op.getReferences();
  auto saved = bindings;
  unsigned parts = plan.rowVectors;
  auto stateAddress = [&](unsigned component, unsigned part) {
    return element(fold.state[component],
                   add(mul(group.group, rows()), int64_t(part) * width), f32);
  };
  auto rowsOf = [&](ArrayRef<Value> values) {
    Binding binding{Binding::Rows, {}};
    for (Value value : values)
      binding.parts.push_back({value, nullptr});
    return binding;
  };
  // What was computed once for the rows, and for the keys.
  for (auto &[value, address] : fold.rows) {
    SmallVector<Value> loaded;
    for (unsigned part = 0; part < parts; ++part)
      loaded.push_back(loadVector(
          element(address, add(mul(group.group, rows()), int64_t(part) * width),
                  f32),
          f32));
    Binding binding = rowsOf(loaded);
    binding.isKept = true;
    bindings[value] = binding;
  }
  for (auto &[value, address] : fold.keys) {
    Binding binding{Binding::Stream, {}};
    binding.address = address;
    binding.isKept = true;
    bindings[value] = binding;
  }
  SmallVector<Value> old; // rowVectors for each row component
  SmallVector<const Component *> orders, sums;
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix)
      (op.isReference(component.number) ? orders : sums).push_back(&component);

  auto loadState = [&](ArrayRef<const Component *> components) {
    SmallVector<Value> values;
    for (const Component *component : components)
      for (unsigned part = 0; part < parts; ++part)
        values.push_back(
            loadVector(stateAddress(component->number, part), f32));
    return values;
  };
  auto storeState = [&](ArrayRef<const Component *> components,
                        ArrayRef<Value> values) {
    for (auto [number, component] : llvm::enumerate(components))
      for (unsigned part = 0; part < parts; ++part)
        store(values[number * parts + part],
              stateAddress(component->number, part));
  };
  // Which contractions a pass needs.
  auto contractionsOf = [&](ArrayRef<Value> roots) {
    SmallVector<const Contraction *> found;
    llvm::SmallPtrSet<void *, 16> seen;
    std::function<void(Value)> walk = [&](Value value) {
      if (bindings.count(value) ||
          !seen.insert(value.getAsOpaquePointer()).second)
        return;
      auto it = fold.plan->contractions.find(value);
      if (it != fold.plan->contractions.end()) {
        found.push_back(&it->second);
        return;
      }
      if (Operation *op = value.getDefiningOp(); op && !isa<ReduceOp>(op))
        for (Value operand : op->getOperands())
          if (isa<FieldType>(operand.getType()))
            walk(operand);
    };
    for (Value root : roots)
      walk(root);
    return found;
  };
  SmallVector<StringRef> inner{fold.plan->stream};
  auto hoistAll = [&](ArrayRef<Value> roots) {
    for (Value root : roots) {
      SmallVector<StringRef> ranks = inner;
      for (StringRef rank : fieldType(root).getRankNames())
        if (rank != plan.row && !llvm::is_contained(plan.items, rank))
          ranks.push_back(rank);
      hoistWithin(root, ranks, group, fold);
    }
  };

  // First pass: references, and the scores that both passes need.
  SmallVector<Value> oldReferences = loadState(orders);
  if (references > 0) {
    SmallVector<Value> roots;
    for (const Component *component : orders)
      roots.push_back(component->value);
    llvm::append_range(roots, llvm::make_first_range(fold.scores));
    hoistAll(roots);
    TilePass first{contractionsOf(roots), orders, oldReferences,
                   fold.scores,           {},     !sums.empty()};
    SmallVector<Value> newest = pass(fold, first, group, tile);
    storeState(orders, newest);
    for (auto &[value, address] : fold.scores) {
      Binding binding{Binding::Tile, {}};
      binding.address = address;
      binding.isKept = true;
      bindings[value] = binding;
    }
    // The references in force: 0 while there is none, and the old one moves to
    // the new one from where it is.
    SmallVector<Value> before, after;
    for (auto [number, component] : llvm::enumerate(orders)) {
      Value absent = splat(sentinelOf(component->monoid));
      for (unsigned part = 0; part < parts; ++part) {
        unsigned i = number * parts + part;
        auto is = [&](Value value) -> Value {
          return arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ,
                                       value, absent);
        };
        after.push_back(select(is(newest[i]), zeroVector(), newest[i]));
        before.push_back(
            select(is(oldReferences[i]), after.back(), oldReferences[i]));
      }
      ArrayRef<Value> now(after), then(before);
      bindings[op.getStep().getArgument(number)] =
          rowsOf(now.slice(number * parts, parts));
      bindings[op.getAct().getArgument(number)] =
          rowsOf(then.slice(number * parts, parts));
      bindings[op.getAct().getArgument(references + number)] =
          rowsOf(now.slice(number * parts, parts));
    }
  }

  // The references' move acts on the sums.
  auto acted = cast<YieldOp>(op.getAct().front().getTerminator()).getValues();
  SmallVector<Value> sumsBefore = loadState(sums), init;
  for (auto [number, component] : llvm::enumerate(sums))
    bindings[op.getAct().getArgument(references + component->number)] =
        rowsOf(ArrayRef<Value>(sumsBefore).slice(number * parts, parts));
  for (auto [number, component] : llvm::enumerate(sums))
    for (unsigned part = 0; part < parts; ++part) {
      if (references == 0) {
        init.push_back(sumsBefore[number * parts + part]);
        continue;
      }
      Memo memo;
      Point point = rowPoint(group, part);
      init.push_back(broadcast(
          eval(acted[component->number - references], point, memo).value));
    }

  // Second pass: sums and weights.
  SmallVector<Value> roots;
  for (const Component *component : sums)
    roots.push_back(component->value);
  for (Weights &weights : fold.weights) {
    for (Factor factor : weights.factors)
      roots.push_back(factor.value);
    llvm::append_range(roots, weights.conditions);
  }
  if (!roots.empty()) {
    hoistAll(roots);
    TilePass second{contractionsOf(roots), sums, init, {}, fold.weights, true};
    storeState(sums, pass(fold, second, group, tile));
  }

  for (const Component &component : fold.plan->components)
    if (component.isMatrix)
      accumulate(fold, component, group, tile);
  bindings = saved;
}

/// As `hoist`, stopping at contractions, which are not evaluated but computed.
void TileEmitter::hoistWithin(Value root, ArrayRef<StringRef> ranks,
                              const Point &group, FoldBuffers &fold) {
  auto it = fold.plan->contractions.find(root);
  if (it != fold.plan->contractions.end()) {
    for (Factor factor : it->second.rest)
      hoistWithin(factor.value, ranks, group, fold);
    for (Value condition : it->second.conditions)
      hoistWithin(condition, ranks, group, fold);
    return;
  }
  FieldType type = fieldType(root);
  bool inner =
      llvm::any_of(ranks, [&](StringRef rank) { return type.hasRank(rank); });
  Operation *op = root.getDefiningOp();
  if (!inner)
    return hoist(root, ranks, {}, group);
  if (!op || isa<ReduceOp>(op) || bindings.count(root))
    return;
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      hoistWithin(operand, ranks, group, fold);
}

//===----------------------------------------------------------------------===//
// Passes over a tile
//===----------------------------------------------------------------------===//

/// All row vectors of one key.
void TileEmitter::visit(FoldBuffers &fold, const TilePass &what,
                        const Point &group, const Tile &tile, Value local,
                        ArrayRef<SmallVector<Value>> contracted,
                        SmallVector<Value> &carried) {
  Memo ofKey;
  for (unsigned part = 0; part < plan.rowVectors; ++part) {
    Point point = keyPoint(fold, rowPoint(group, part), tile, local);
    Memo memo = ofKey;
    // The last tile may reach beyond the end of the stream.
    Value exists;
    if (!tile.whole)
      exists = compare(Predicate::slt, local, tile.present);
    for (auto [number, contraction] : llvm::enumerate(what.contractions)) {
      Value value = contracted[number][part];
      Point within = point;
      within.whole = false; // conditions inside the sum always count
      for (Factor factor : contraction->rest) {
        Lanes x = product({factor}, within, memo);
        value = apply(Function::Mul, {value, x.value});
        value = select(x.present, value, zeroVector());
      }
      for (Value condition : contraction->conditions) {
        Lanes x = eval(condition, within, memo);
        value = select(both(x.value, x.present), value, zeroVector());
      }
      memo[contraction->result] = {value, nullptr};
    }
    for (auto [number, component] : llvm::enumerate(what.sums)) {
      Value &acc = carried[number * plan.rowVectors + part];
      Lanes x = eval(component->value, point, memo);
      x.present = both(exists, x.present);
      Value value = broadcast(x.value);
      switch (component->monoid) {
      case Monoid::Sum:
        value = select(x.present, value, zeroVector());
        acc = apply(Function::Add, {acc, value});
        break;
      case Monoid::First: {
        Value none = splat(sentinelOf(Monoid::First));
        value = select(x.present, value, none);
        Value empty = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ,
                                            acc, none);
        acc = select(empty, value, acc);
        break;
      }
      default: {
        bool max = component->monoid == Monoid::Max;
        value = select(x.present, value, splat(sentinelOf(component->monoid)));
        if (what.fast)
          acc = max ? greater(value, acc) : smaller(value, acc);
        else
          acc = apply(max ? Function::Max : Function::Min, {value, acc});
      }
      }
    }
    SmallVector<std::pair<Value, Value>> stores;
    Type f32 = b.getF32Type();
    Value place = add(mul(local, rows()), int64_t(part) * width);
    for (auto &[value, address] : what.scores)
      stores.push_back({broadcast(eval(value, point, memo).value), address});
    for (const Weights &weights : what.weights) {
      Lanes x = product(weights.factors, point, memo);
      x.present = both(exists, x.present);
      if (!point.whole)
        for (Value condition : weights.conditions) {
          Lanes c = eval(condition, point, memo);
          x.present = both(x.present, both(c.value, c.present));
        }
      stores.push_back({broadcast(select(x.present, x.value, zeroVector())),
                        weights.address});
    }
    for (auto &[value, address] : stores)
      store(value, element(address, place, f32));
    for (auto &[field, lanes] : memo)
      if (!fieldType(field).hasRank(plan.row) && field.getDefiningOp())
        ofKey[field] = lanes;
  }
}

SmallVector<Value> TileEmitter::pass(FoldBuffers &fold, const TilePass &what,
                                     const Point &group, const Tile &tile) {
  unsigned block = plan.keyBlock, parts = plan.rowVectors;
  if (what.contractions.empty())
    return loop(tile.from, tile.to, 1, what.init,
                [&](Value local, ValueRange carried) {
                  SmallVector<Value> values(carried);
                  visit(fold, what, group, tile, local, {}, values);
                  return values;
                });
  return loop(
      tile.from, tile.to, block, what.init,
      [&](Value local, ValueRange carried) {
        SmallVector<Value> values(carried);
        SmallVector<SmallVector<Value>> blocks;
        for (auto [number, contraction] : llvm::enumerate(what.contractions))
          blocks.push_back(contract(fold, *contraction, group, tile, local,
                                    /*prefetching=*/number == 0));
        for (unsigned key = 0; key < block; ++key) {
          SmallVector<SmallVector<Value>> contracted;
          for (auto &sums : blocks)
            contracted.push_back(SmallVector<Value>(
                ArrayRef<Value>(sums).slice(key * parts, parts)));
          visit(fold, what, group, tile, add(local, key), contracted, values);
        }
        return values;
      });
}
