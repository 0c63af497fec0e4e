//===- TilePack.cpp - Operands in the order of use ------------------------===//
//
// Keys' operands of contractions are packed as [key / block][e / W][block][W]:
// plain vector copies, and a register block reads one contiguous panel. Panels
// of matrix accumulators are [f / block][key][block], with a pad so that the
// distance of panels is no multiple of a page. Rows' operands are [e][rows].
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/TileEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

static int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

Panel &TileEmitter::panelOf(FoldBuffers &fold, ArrayRef<Factor> factors,
                            bool byKeys) {
  for (Panel &panel : fold.panels)
    if (panel.byKeys == byKeys && ArrayRef<Factor>(panel.factors) == factors)
      return panel;
  llvm_unreachable("every panel is allocated");
}

bool TileEmitter::dependsOn(Value value, ValueRange arguments) {
  if (llvm::is_contained(arguments, value))
    return true;
  Operation *op = value.getDefiningOp();
  return op && !arguments.empty() &&
         llvm::any_of(op->getOperands(), [&](Value operand) {
           return dependsOn(operand, arguments);
         });
}

/// Reads, reductions and costly functions: worth keeping.
static bool isWorthKeeping(Value value, bool reads) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<ReduceOp>(op) || (reads && isa<ReadOp>(op)))
    return true;
  if (auto map = dyn_cast<MapOp>(op); map && isCostly(map.getFunction()))
    return true;
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return isa<FieldType>(operand.getType()) && isWorthKeeping(operand, reads);
  });
}

void TileEmitter::findCostly(Value value, FoldBuffers &fold) {
  Operation *op = value.getDefiningOp();
  if (!op || bindings.count(value) ||
      llvm::is_contained(llvm::make_first_range(fold.rows), value) ||
      llvm::is_contained(llvm::make_first_range(fold.keys), value))
    return;
  FieldType type = fieldType(value);
  FoldOp foldOp = fold.plan->fold;
  bool streamed = type.hasRank(fold.plan->stream);
  bool onlyOuter = llvm::all_of(type.getRankNames(), [&](StringRef rank) {
    return rank == plan.row || rank == fold.plan->stream ||
           llvm::is_contained(plan.items, rank);
  });
  bool dependent = dependsOn(value, foldOp.getStep().getArguments()) ||
                   dependsOn(value, foldOp.getAct().getArguments());
  if (onlyOuter && !dependent && type.getKind() == Kind::Real &&
      !(streamed && type.hasRank(plan.row)) &&
      isWorthKeeping(value, /*reads=*/!streamed)) {
    (streamed ? fold.keys : fold.rows)
        .push_back(
            {value, scratch(streamed ? plan.keyTile : plan.groups * rows())});
    return;
  }
  auto it = fold.plan->contractions.find(value);
  if (it != fold.plan->contractions.end()) {
    for (Factor factor : it->second.rest)
      findCostly(factor.value, fold);
    for (Value condition : it->second.conditions)
      findCostly(condition, fold);
    return;
  }
  if (isa<ReduceOp, FoldOp>(op))
    return;
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      findCostly(operand, fold);
}

/// Values over keys and rows that the first pass over a tile computes and the
/// second needs: the last ones that do not depend on the references.
void TileEmitter::findScores(Value value, FoldBuffers &fold) {
  Operation *op = value.getDefiningOp();
  FieldType type = fieldType(value);
  FoldOp foldOp = fold.plan->fold;
  if (!op || !type.hasRank(fold.plan->stream) || !type.hasRank(plan.row) ||
      llvm::is_contained(llvm::make_first_range(fold.scores), value))
    return;
  if (!dependsOn(value, foldOp.getStep().getArguments()) &&
      type.getKind() == Kind::Real) {
    if (isWorthKeeping(value, /*reads=*/true))
      fold.scores.push_back({value, scratch(plan.keyTile * rows())});
    return;
  }
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      findScores(operand, fold);
}

void TileEmitter::allocate(FoldBuffers &fold) {
  FoldOp op = fold.plan->fold;
  for (const Component &component : fold.plan->components) {
    int64_t features =
        component.isMatrix ? ceilDiv(component.extent, width) * width : 1;
    fold.state.push_back(scratch(plan.groups * features * rows()));
  }
  auto addPanel = [&](const Factors &factors, StringRef rank, int64_t extent,
                      bool byKeys) {
    for (Panel &panel : fold.panels)
      if (panel.byKeys == byKeys && panel.factors == factors)
        return;
    int64_t padded = ceilDiv(extent, width) * width;
    fold.panels.push_back(
        {factors, rank, extent, byKeys, scratch(padded * (plan.keyTile + 2))});
  };
  for (auto &[value, contraction] : fold.plan->contractions) {
    fold.rowOperands[value] =
        scratch(plan.groups * contraction.extent * rows());
    addPanel(contraction.keys, contraction.rank, contraction.extent, true);
  }
  SmallVector<Value> roots;
  for (const Component &component : fold.plan->components) {
    if (!component.isMatrix)
      roots.push_back(component.value);
    for (Factor factor : component.weight)
      roots.push_back(factor.value);
    llvm::append_range(roots, component.conditions);
  }
  llvm::append_range(roots, op.getAct().front().getTerminator()->getOperands());
  for (Value root : roots)
    findCostly(root, fold);
  if (op.getReferences() > 0)
    for (const Component &component : fold.plan->components) {
      if (op.isReference(component.number))
        continue;
      if (!component.isMatrix)
        findScores(component.value, fold);
      for (Factor factor : component.weight)
        findScores(factor.value, fold);
      for (Value condition : component.conditions)
        findScores(condition, fold);
    }
  // Weights take over the scratch of scores: every value of a key and a vector
  // of rows is read before one is written.
  unsigned reused = 0;
  for (const Component &component : fold.plan->components) {
    if (!component.isMatrix)
      continue;
    addPanel(component.panel, component.feature, component.extent, false);
    if (llvm::none_of(fold.weights, [&](const Weights &weights) {
          return weights.factors == component.weight &&
                 weights.conditions == component.conditions;
        }))
      fold.weights.push_back({component.weight, component.conditions,
                              reused < fold.scores.size()
                                  ? fold.scores[reused++].second
                                  : scratch(plan.keyTile * rows())});
  }
}

Lanes TileEmitter::product(ArrayRef<Factor> factors, const Point &point,
                           Memo &memo) {
  Lanes result{real(1), nullptr};
  for (auto [number, factor] : llvm::enumerate(factors)) {
    Lanes x = eval(factor.value, point, memo);
    Value value = x.value;
    if (factor.inverted)
      value =
          apply(Function::Div,
                {isa<VectorType>(value.getType()) ? splat(1) : real(1), value});
    result.value = number ? apply(Function::Mul, {result.value, value}) : value;
    result.present = both(result.present, x.present);
  }
  return result;
}

/// The reads of a product whose neighbours along `rank` should be neighbours in
/// memory.
static void findReads(Value value, StringRef rank,
                      SmallVectorImpl<std::pair<ReadOp, unsigned>> &reads) {
  Operation *op = value.getDefiningOp();
  if (!op || !fieldType(value).hasRank(rank) || isa<ReduceOp>(op))
    return;
  if (auto read = dyn_cast<ReadOp>(op))
    for (auto [dim, index] : llvm::enumerate(read.getIndices()))
      if (auto coord = index.getDefiningOp<CoordOp>();
          coord && coord.getRank() == rank)
        reads.push_back({read, dim});
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      findReads(operand, rank, reads);
}

/// Whether all `reads` step by one element; null when there are none.
Value TileEmitter::unitStrides(ArrayRef<std::pair<ReadOp, unsigned>> reads) {
  Value unit;
  for (auto [read, dim] : reads) {
    unsigned number = numberOf(read.getTensor().getDefiningOp<InputOp>());
    unit = both(unit, compare(arith::CmpIPredicate::eq, stride(number, dim),
                              constant(1)));
  }
  return unit;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void TileEmitter::packRows(FoldBuffers &fold, const Point &group) {
  Type f32 = b.getF32Type();
  for (auto &[value, address] : fold.rows)
    for (unsigned part = 0; part < plan.rowVectors; ++part) {
      Memo memo;
      Point point = rowPoint(group, part);
      Value x = broadcast(eval(value, point, memo).value);
      store(x,
            element(address,
                    add(mul(group.group, rows()), int64_t(part) * width), f32));
    }
  for (auto &[value, contraction] : fold.plan->contractions) {
    Value address = fold.rowOperands[value];
    const Contraction &what = contraction;
    SmallVector<std::pair<ReadOp, unsigned>> reads;
    if (llvm::all_of(what.rows, [&](Factor factor) {
          return factor.value.getDefiningOp<ReadOp>() ||
                 !fieldType(factor.value).hasRank(what.rank);
        }))
      for (Factor factor : what.rows)
        findReads(factor.value, what.rank, reads);
    Value done = constant(0);
    if (Value unit = unitStrides(reads)) {
      // Read along e, W rows at once, and transposed.
      done = select(unit, constant(what.extent / width * width), done);
      loop(constant(0), done, width, [&](Value e) {
        for (unsigned part = 0; part < plan.rowVectors; ++part) {
          SmallVector<Value> block;
          for (unsigned row = 0; row < width; ++row) {
            Point point = group;
            Value at = add(group.base, int64_t(part) * width + row);
            point.at[plan.row] = at;
            point.readAt[plan.row] =
                minimum(at, sub(extent(plan.row), constant(1)));
            point.lane = what.rank;
            point.base = e;
            point.contiguous = true;
            Memo memo;
            Lanes x = product(what.rows, point, memo);
            block.push_back(
                broadcast(select(x.present, x.value, zeroVector())));
          }
          transpose(block);
          for (unsigned i = 0; i < width; ++i) {
            Value row = add(add(mul(group.group, what.extent), e), i);
            store(block[i],
                  element(address, add(mul(row, rows()), int64_t(part) * width),
                          f32));
          }
        }
      });
    }
    loop(done, constant(what.extent), 1, [&](Value e) {
      Value row = add(mul(group.group, what.extent), e);
      for (unsigned part = 0; part < plan.rowVectors; ++part) {
        Memo memo;
        Point point = rowPoint(group, part);
        point.at[what.rank] = e;
        Lanes x = product(what.rows, point, memo);
        Value stored = broadcast(select(x.present, x.value, zeroVector()));
        store(stored,
              element(address, add(mul(row, rows()), int64_t(part) * width),
                      f32));
      }
    });
  }
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

void TileEmitter::packKeys(FoldBuffers &fold, const Point &item,
                           const Tile &tile) {
  for (const Panel &panel : fold.panels)
    packPanel(fold, panel, item, tile);
  for (auto &[value, address] : fold.keys) {
    const Value field = value, memory = address;
    loop(constant(0), tile.to, width, [&](Value local) {
      Point point = item;
      point.lane = fold.plan->stream;
      point.base = add(tile.start, local);
      point.limit = extent(fold.plan->stream);
      Memo memo;
      store(broadcast(eval(field, point, memo).value),
            element(memory, local, b.getF32Type()));
    });
  }
}

void TileEmitter::packPanel(FoldBuffers &fold, const Panel &panel,
                            const Point &item, const Tile &tile) {
  Type f32 = b.getF32Type();
  unsigned block = plan.keyBlock;
  int64_t chunks = ceilDiv(panel.extent, width);
  SmallVector<std::pair<ReadOp, unsigned>> reads;
  for (Factor factor : panel.factors)
    findReads(factor.value, panel.rank, reads);
  Value unit = unitStrides(reads);
  StringRef stream = fold.plan->stream;

  auto copy = [&](bool contiguous) {
    loop(constant(0), tile.to, 1, [&](Value local) {
      auto chunk = [&](Value first, unsigned valid) {
        Point point = item;
        point.at[stream] = add(tile.start, local);
        point.readAt[stream] =
            minimum(point.at[stream], sub(extent(stream), constant(1)));
        point.lane = panel.rank;
        point.base = mul(first, width);
        point.limit = extent(panel.rank);
        point.valid = valid;
        point.contiguous = contiguous;
        Memo memo;
        Lanes x = product(panel.factors, point, memo);
        Value value = broadcast(select(x.present, x.value, zeroVector()));
        if (panel.byKeys) {
          Value group =
              arith::DivUIOp::create(b, loc(), local, constant(block));
          Value within =
              arith::RemUIOp::create(b, loc(), local, constant(block));
          Value row = add(mul(add(mul(group, chunks), first), block), within);
          store(value, element(panel.address, mul(row, width), f32));
          return;
        }
        for (unsigned piece = 0; piece < width / block; ++piece) {
          Value slice =
              width == block
                  ? value
                  : Value(vector::ExtractStridedSliceOp::create(
                        b, loc(), value, ArrayRef<int64_t>{piece * block},
                        ArrayRef<int64_t>{block}, ArrayRef<int64_t>{1}));
          Value number = add(mul(first, width / block), piece);
          Value row = add(mul(number, plan.keyTile + 2), local);
          store(slice, element(panel.address, mul(row, block), f32));
        }
      };
      int64_t full = panel.extent / width;
      loop(constant(0), constant(full), 1,
           [&](Value first) { chunk(first, width); });
      if (panel.extent % width)
        chunk(constant(full), panel.extent % width);
    });
  };
  if (!unit)
    return copy(false);
  ifThen(
      unit, [&] { copy(true); }, [&] { copy(false); });
}

Value TileEmitter::prefetchAddress(const Panel &panel, const Point &item,
                                   Value key) {
  if (panel.factors.size() != 1)
    return nullptr;
  auto read = panel.factors[0].value.getDefiningOp<ReadOp>();
  if (!read)
    return nullptr;
  unsigned number = numberOf(read.getTensor().getDefiningOp<InputOp>());
  Value offset = constant(0);
  for (auto [dim, index] : llvm::enumerate(read.getIndices())) {
    if (auto coord = index.getDefiningOp<CoordOp>()) {
      if (coord.getRank() == panel.rank)
        continue;
      Value at =
          item.at.count(coord.getRank()) ? item.at.at(coord.getRank()) : key;
      offset = add(offset, mul(at, stride(number, dim)));
      continue;
    }
    if (llvm::any_of(fieldType(index).getRankNames(),
                     [&](StringRef rank) { return !item.at.count(rank); }))
      return nullptr;
    Memo memo;
    offset =
        add(offset, mul(eval(index, item, memo).value, stride(number, dim)));
  }
  return element(data[number], offset,
                 cast<ArgumentType>(read.getTensor().getType()).getElement());
}
