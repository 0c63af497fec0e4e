//===- WarpgroupStream.cpp - Roles and consumers of Hopper's program ------===//
//
// FlashAttention-3's schedule (Shah et al. 2024, sections 3.1 and 3.2). Warps 0
// to 3 are the producer (WarpgroupLoad.cpp), the others consumers, a warpgroup
// for 64 rows. A consumer begins the scores of a tile and the accumulators of
// the tile before, and works on the scores while the accumulators are under
// way:
//
//   keys of n full?        S(n) = Q K(n)^T, begun
//   panels of n-1 full?    O += P(n-1) V(n-1), begun
//   S(n) landed            keys of n empty; references, sums and weights of n
//   O landed               panels of n-1 empty; O moves with the references
//
// Warpgroups take turns to begin products (ping-pong), so that one multiplies
// while another is between its products.
//
// Registers of weights are written again only after every product that reads
// them has landed (`await 0`): ptxas up to 13.0 has been seen to move such
// writes before a partial wait.
//
// Barriers of a stage: `full` completes with the bytes of its copies, `empty`
// with an arrival of each warp of the consumers.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

BlockEmitter::Turn BlockEmitter::firstTurn() {
  return {integer(0), integer(0)};
}

BlockEmitter::Turn BlockEmitter::after(Turn turn) {
  Value next = addI(turn.stage, integer(1));
  Value wraps = compare(Predicate::eq, next, integer(plan.stages));
  Value flipped = arith::XOrIOp::create(b, loc(), turn.parity, integer(1));
  return {select(wraps, integer(0), next), select(wraps, flipped, turn.parity)};
}

Value BlockEmitter::barrierOf(const BlockFold &fold, Signal signal,
                              Value stage) {
  if (signal == Signal::RowsFull)
    return integer(fold.barriers);
  int64_t ring = static_cast<int64_t>(signal) - 1;
  int64_t first = fold.barriers + 8 * (1 + ring * plan.stages);
  return addI(integer(first), mulI(stage, 8));
}

void BlockEmitter::makeBarriers() {
  Value isFirst = compare(Predicate::eq, thread, integer(0));
  ifThen(isFirst, [&] {
    auto make = [&](Value at, int64_t count) {
      device::MBarrierInitOp::create(b, loc(), at, count);
    };
    auto makeRing = [&](const BlockFold &fold, Signal full, Signal empty) {
      for (int64_t stage = 0; stage < plan.stages; ++stage) {
        make(barrierOf(fold, full, integer(stage)), 1);
        make(barrierOf(fold, empty, integer(stage)), plan.warps);
      }
    };
    for (const BlockFold &fold : plan.folds) {
      if (!fold.contractions.empty()) {
        make(barrierOf(fold, Signal::RowsFull), 1);
        makeRing(fold, Signal::KeysFull, Signal::KeysEmpty);
      }
      if (!fold.matrices.empty())
        makeRing(fold, Signal::PanelsFull, Signal::PanelsEmpty);
    }
    device::FenceOp::create(b, loc(), device::Fence::MBarrierInit);
    int64_t at = plan.coordinates;
    auto keep = [&](Value coordinate) {
      device::StoreOp::create(b, loc(), device::Space::Shared, coordinate,
                              integer(at), integer(0));
      at += 4;
    };
    keep(blockOfRows);
    for (StringRef rank : plan.tiles.items)
      keep(narrow(item.at.at(rank)));
  });
  barrier();
}

void BlockEmitter::reloadCoordinates() {
  int64_t at = plan.coordinates;
  auto reload = [&] {
    Value coordinate = sharedLoad(integer(at), 0, b.getI32Type());
    at += 4;
    return wide(coordinate);
  };
  firstRow = mul(reload(), plan.rows());
  for (StringRef rank : plan.tiles.items)
    item.at[rank] = reload();
  // Nor need the number of the warp stay.
  Value all = device::UniformOp::create(
      b, loc(), arith::ShRUIOp::create(b, loc(), thread, integer(5)));
  warp = arith::SubIOp::create(b, loc(), all, integer(4));
}

void BlockEmitter::release(const BlockFold &fold, Signal signal, Value stage) {
  ifThen(compare(Predicate::eq, lane, integer(0)), [&] {
    device::MBarrierArriveOp::create(b, loc(), barrierOf(fold, signal, stage));
  });
}

/// Boxes are of tensors with extents below 2^31, and registers are few: the
/// loop counts in 32 bits.
Values BlockEmitter::loopOverTiles(Value from, Value to, ValueRange init,
                                   LoopBody body) {
  auto op = scf::ForOp::create(
      b, loc(), narrow(from), narrow(to), integer(plan.keys), init,
      [&](OpBuilder &inner, Location, Value start, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToEnd(inner.getInsertionBlock());
        Values next = body(wide(start), carried);
        scf::YieldOp::create(b, loc(), next);
      });
  return Values(op.getResults());
}

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

void BlockEmitter::emitRoles() {
  makeBarriers();
  auto keepRegisters = [&](device::RegisterBudget direction, unsigned count) {
    if (count)
      device::SetMaxRegistersOp::create(b, loc(), direction, count);
  };
  Value all = warp;
  ifThen(
      compare(Predicate::ult, all, integer(4)),
      [&] {
        keepRegisters(device::RegisterBudget::Decrease, plan.producerRegisters);
        Value isFirst = compare(Predicate::eq, thread, integer(0));
        for (const BlockFold &fold : plan.folds) {
          if (&fold != &plan.folds.front())
            barrier();
          ifThen(isFirst, [&] { produce(fold); });
        }
      },
      [&] {
        keepRegisters(device::RegisterBudget::Increase, plan.consumerRegisters);
        warp = arith::SubIOp::create(b, loc(), all, integer(4));
        emitRows();
      });
}

/// Named barrier 1 + i says that warpgroup i may begin products: its own 128
/// threads and those of the one before it.
static constexpr int64_t threadsOfTurn = 256;

void BlockEmitter::takeTurn(bool last) {
  Value firstWarp = arith::AndIOp::create(b, loc(), warp, integer(-4));
  for (unsigned i = 0; i < (last ? 1 : plan.consumers()); ++i)
    ifThen(compare(Predicate::eq, firstWarp, integer(4 * i)), [&] {
      device::BarrierOp::create(b, loc(), 1 + i,
                                b.getI64IntegerAttr(threadsOfTurn));
    });
}

void BlockEmitter::passTurn(bool first) {
  Value firstWarp = arith::AndIOp::create(b, loc(), warp, integer(-4));
  unsigned count = plan.consumers();
  for (unsigned i = first ? count - 1 : 0; i < count; ++i)
    ifThen(compare(Predicate::eq, firstWarp, integer(4 * i)), [&] {
      device::ArriveOp::create(b, loc(), 1 + (i + 1) % count, threadsOfTurn);
    });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

BlockEmitter::State BlockEmitter::streamBoxes(const BlockFold &fold) {
  State state = initialState(fold);
  Span tiles = walk(fold);
  if (!fold.contractions.empty())
    device::MBarrierWaitOp::create(b, loc(), barrierOf(fold, Signal::RowsFull),
                                   integer(0));
  Values flat = flatten(state);
  auto any =
      scf::IfOp::create(b, loc(), ValueRange(flat).getTypes(),
                        compare(Predicate::slt, tiles.low, tiles.high), true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(any.elseBlock());
  scf::YieldOp::create(b, loc(), flat);
  b.setInsertionPointToStart(any.thenBlock());
  State end = streamPipelined(fold, state, tiles);
  scf::YieldOp::create(b, loc(), flatten(end));
  return cut(any.getResults(), state);
}

BlockEmitter::State BlockEmitter::streamPipelined(const BlockFold &fold,
                                                  const State &state,
                                                  Span tiles) {
  auto isFull = [&](Signal signal, const Turn &turn) {
    device::MBarrierWaitOp::create(
        b, loc(), barrierOf(fold, signal, turn.stage), turn.parity);
  };
  auto baseOf = [&](const Turn &turn) {
    return mulI(turn.stage, fold.stageBytes);
  };
  auto fence = [&](ValueRange values) {
    return Values(
        device::WgmmaFenceOp::create(b, loc(), values.getTypes(), values)
            .getResults());
  };
  // A fold need not have contractions: its values may come from memory.
  bool contracts = !fold.contractions.empty();
  auto beginAllScores = [&](const Turn &turn) {
    Values scores;
    if (!contracts)
      return scores;
    isFull(Signal::KeysFull, turn);
    fence({});
    for (const BlockContraction &contraction : fold.contractions)
      scores.push_back(beginScores(contraction, baseOf(turn)));
    device::WgmmaCommitOp::create(b, loc());
    return scores;
  };
  auto split = [&](ValueRange vectors) {
    SmallVector<Values> fragments;
    for (Value vector : vectors)
      fragments.push_back(scalarsOf(vector));
    return fragments;
  };
  size_t matrices = fold.matrices.size();
  bool takesTurns = alternates() && (contracts || matrices);
  auto accumulators = [&](const State &state) {
    Values result;
    for (const BlockMatrix &matrix : fold.matrices)
      result.push_back(joined(state[matrix.component->number]));
    return result;
  };
  // Begins the accumulators of the tile of `turn`; `registers` are they and the
  // weights, then the same in flight.
  auto beginAllSums = [&](Values &registers, const Turn &turn) {
    if (!matrices)
      return;
    isFull(Signal::PanelsFull, turn);
    registers = fence(registers);
    ArrayRef<Value> weights = ArrayRef<Value>(registers).drop_front(matrices);
    size_t each = keyFragments() / 2;
    Values sums;
    for (auto [number, matrix] : llvm::enumerate(fold.matrices))
      sums.push_back(beginSums(matrix, weights.slice(number * each, each),
                               registers[number], baseOf(turn)));
    llvm::copy(sums, registers.begin());
    device::WgmmaCommitOp::create(b, loc());
  };
  auto landed = [&](ValueRange registers, State &state) {
    for (auto [number, matrix] : llvm::enumerate(fold.matrices))
      state[matrix.component->number] = scalarsOf(registers[number]);
  };

  // Before the products of a tile's accumulators are begun.
  auto takeStrayOf = [&](State &state, ValueRange weights, const Turn &turn,
                         Value crossed) {
    size_t each = keyFragments() / 2;
    takeStray(
        fold, state,
        [&](unsigned matrix, Value key) {
          return weightsInPairs(fold.matrices[matrix],
                                weights.slice(matrix * each, each), key);
        },
        baseOf(turn), crossed, [&] { isFull(Signal::PanelsFull, turn); });
  };

  // The first tile, before which there is nothing to move or to overlap with.
  Turn first = firstTurn();
  Values scores = beginAllScores(first);
  if (contracts) {
    scores = await(0, scores);
    release(fold, Signal::KeysEmpty, first.stage);
  }
  Summands taken = summandsOfTile(fold, state, split(scores), tiles.low);
  State current = state;
  advance(fold, state, taken, current);
  Values weights = packWeights(fold, taken.weights);

  // The others. Carried: the state, of which accumulators lag by a tile, the
  // weights that they wait for, what is known of their tile, and its turn.
  if (takesTurns)
    passTurn(/*first=*/true);
  Values init = flatten(current);
  llvm::append_range(init, weights);
  // After the weights: which turn the tile has, and whether rows differ in it.
  Values about = {first.stage, first.parity};
  if (taken.crossed)
    about.push_back(taken.crossed);
  llvm::append_range(init, about);
  auto weightsOf = [&](ValueRange carried) {
    return carried.drop_back(about.size()).take_back(weights.size());
  };
  auto turnOf = [&](ValueRange carried) {
    carried = carried.take_back(about.size());
    return Turn{carried[0], carried[1]};
  };
  auto crossedOf = [&](ValueRange carried) {
    return taken.crossed ? carried.back() : Value();
  };
  Values ends = loopOverTiles(
      add(tiles.low, plan.keys), tiles.high, init,
      [&](Value start, ValueRange carried) {
        Turn before = turnOf(carried), now = after(before);
        State old = cut(carried, current);
        takeStrayOf(old, weightsOf(carried), before, crossedOf(carried));
        Values registers = accumulators(old);
        llvm::append_range(registers, weightsOf(carried));
        if (takesTurns)
          takeTurn(/*last=*/false);
        Values scores = beginAllScores(now);
        beginAllSums(registers, before);
        if (takesTurns)
          passTurn(/*first=*/false);
        size_t count = scores.size();
        Values all = scores;
        llvm::append_range(all, registers);
        if (contracts) {
          all = await(matrices ? 1 : 0, all);
          release(fold, Signal::KeysEmpty, now.stage);
        }
        Summands taken = summandsOfTile(
            fold, old, split(ArrayRef(all).take_front(count)), start);
        registers.assign(all.begin() + count, all.end());
        if (matrices) {
          registers = await(0, registers);
          release(fold, Signal::PanelsEmpty, before.stage);
          landed(registers, old);
        }
        State next = old;
        advance(fold, old, taken, next);
        Values result = flatten(next);
        llvm::append_range(result, packWeights(fold, taken.weights));
        result.append({now.stage, now.parity});
        if (taken.crossed)
          result.push_back(taken.crossed);
        return result;
      });

  // The accumulators of the last tile.
  State last = cut(ends, current);
  Turn turn = turnOf(ends);
  takeStrayOf(last, weightsOf(ends), turn, crossedOf(ends));
  if (takesTurns)
    takeTurn(/*last=*/true);
  if (matrices) {
    Values registers = accumulators(last);
    llvm::append_range(registers, weightsOf(ends));
    beginAllSums(registers, turn);
    registers = await(0, registers);
    release(fold, Signal::PanelsEmpty, turn.stage);
    landed(registers, last);
  }
  return last;
}
