//===- BlockStray.cpp - Numbers that some rows must not meet --------------===//
//
// A matrix unit multiplies every row of a tile by every key: where a row does
// not have a key, its weight is 0, and 0 * NaN would still reach it. So in a
// tile that has keys which some rows of the block have and others have not,
// threads look at the panels before they are multiplied. Finite panels, nearly
// all, cost that look: one load and twelve integer operations for 16 bytes, and
// a barrier. In others each thread adds, key by key, what is not finite to the
// rows that have the key, and puts zeros in its place.
//
// Which rows have a key is told by the weights: of those that have not it is
// -0, which adds nothing to a finite product, and no weight that exists is -0
// (summands in BlockStream.cpp). Limit: a negative weight that the 16 bits of
// an operand round to -0 (Hopper's program, folds whose weights may be
// negative) counts as absent.
//
// Tiles that all rows have wholly are not looked at.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

namespace {
/// How the numbers of a word that are not finite are found: with x their bits,
/// (x & exponent) + carry has the sign bit of each set.
struct StrayBits {
  int64_t exponent, carry, sign;
  /// From a sign bit to a number's lowest bit, and all bits of a number.
  int64_t down, bits;

  static StrayBits of(std::optional<device::Pair> pair) {
    if (!pair)
      return {0x7f800000, 0x00800000, int32_t(0x80000000), 31, -1};
    int64_t sign = int32_t(0x80008000);
    if (*pair == device::Pair::BF16)
      return {0x7f807f80, 0x00800080, sign, 15, 0xffff};
    return {0x7c007c00, 0x04000400, sign, 15, 0xffff};
  }
};
} // namespace

static constexpr int64_t chunkBytes = 16;
static constexpr int64_t warpLanes = 32, warpgroupLanes = 128;

/// Named barriers: of a warpgroup (as for outputs), and of all consumers.
static constexpr int64_t firstOfWarpgroups = 4, ofConsumers = 7;

//===----------------------------------------------------------------------===//
// Threads that keep rows
//===----------------------------------------------------------------------===//

/// Whether some thread says so: of the block, or of the warpgroup.
Value BlockEmitter::anyOfRows(Value mine) {
  if (plan.staging != Staging::Boxes)
    return device::BarrierAnyOp::create(b, loc(), mine, 0, IntegerAttr());
  Value warpgroup = arith::ShRUIOp::create(b, loc(), warp, integer(2));
  Value any = mine;
  for (unsigned i = 0; i < plan.consumers(); ++i) {
    auto branch =
        scf::IfOp::create(b, loc(), TypeRange{b.getI1Type()},
                          compare(Predicate::eq, warpgroup, integer(i)), true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value said =
        device::BarrierAnyOp::create(b, loc(), mine, firstOfWarpgroups + i,
                                     b.getI64IntegerAttr(warpgroupLanes));
    scf::YieldOp::create(b, loc(), said);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc(), any);
    any = branch.getResult(0);
  }
  return any;
}

/// All threads that keep rows come together.
void BlockEmitter::meetOfRows() {
  if (plan.staging != Staging::Boxes)
    return barrier();
  device::BarrierOp::create(b, loc(), ofConsumers,
                            b.getI64IntegerAttr(plan.warps * warpLanes));
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// How many 16 bytes a panel has; `chunkOfPanel` tells where one lies.
static int64_t chunksOf(const SharedOperand &panel, bool isBoxes) {
  return isBoxes ? panel.boxes() * panel.boxBytes() / chunkBytes
                 : panel.rows * (panel.padded() * panel.elementBytes()) /
                       chunkBytes;
}

Value BlockEmitter::chunkOfPanel(const SharedOperand &panel, Value number,
                                 Value base) {
  Value first = addI(integer(panel.offset), base);
  if (plan.staging == Staging::Boxes)
    return addI(first, mulI(number, chunkBytes));
  // Neighbouring threads down the rows: no conflicts of banks.
  Value rows = integer(panel.rows);
  Value row = arith::RemUIOp::create(b, loc(), number, rows);
  Value chunk = arith::DivUIOp::create(b, loc(), number, rows);
  return addI(addI(mulI(row, panel.rowBytes), mulI(chunk, chunkBytes)), first);
}

Value BlockEmitter::holdsStray(const SharedOperand &panel, Value base) {
  StrayBits bits = StrayBits::of(panel.pair);
  bool isBoxes = plan.staging == Staging::Boxes;
  int64_t threads = isBoxes ? warpgroupLanes : plan.warps * warpLanes;
  int64_t chunks = chunksOf(panel, isBoxes);
  Value within = warp;
  if (isBoxes)
    within = arith::AndIOp::create(b, loc(), warp, integer(3));
  Value own = addI(mulI(within, warpLanes), lane);
  auto four = VectorType::get({4}, b.getI32Type());
  Value seen = integer(0);
  for (int64_t done = 0; done < chunks; done += threads) {
    Value number = addI(own, integer(done));
    if (done + threads > chunks)
      number = arith::MinUIOp::create(b, loc(), number, integer(chunks - 1));
    Value words = sharedLoad(chunkOfPanel(panel, number, base), 0, four);
    for (int64_t i = 0; i < 4; ++i) {
      Value word = vector::ExtractOp::create(b, loc(), words, i);
      word = arith::AndIOp::create(b, loc(), word, integer(bits.exponent));
      seen =
          arith::OrIOp::create(b, loc(), seen, addI(word, integer(bits.carry)));
    }
  }
  seen = arith::AndIOp::create(b, loc(), seen, integer(bits.sign));
  return compare(Predicate::ne, seen, integer(0));
}

/// Zeros for what is not finite; all threads that keep rows do it together.
void BlockEmitter::cleanStray(const SharedOperand &panel, Value base) {
  StrayBits bits = StrayBits::of(panel.pair);
  int64_t threads = plan.warps * warpLanes;
  Value own = addI(mulI(warp, warpLanes), lane);
  auto four = VectorType::get({4}, b.getI32Type());
  int64_t chunks = chunksOf(panel, plan.staging == Staging::Boxes);
  loop(wide(own), constant(chunks), threads, [&](Value number) {
    Value address = chunkOfPanel(panel, narrow(number), base);
    Value words = sharedLoad(address, 0, four);
    Values clean;
    for (int64_t i = 0; i < 4; ++i) {
      Value word = vector::ExtractOp::create(b, loc(), words, i);
      Value found =
          arith::AndIOp::create(b, loc(), word, integer(bits.exponent));
      found = arith::AndIOp::create(b, loc(), addI(found, integer(bits.carry)),
                                    integer(bits.sign));
      found = arith::ShRUIOp::create(b, loc(), found, integer(bits.down));
      Value kept =
          arith::XOrIOp::create(b, loc(), mulI(found, bits.bits), integer(-1));
      clean.push_back(arith::AndIOp::create(b, loc(), word, kept));
    }
    device::StoreOp::create(b, loc(), device::Space::Shared, joined(clean),
                            address, integer(0));
  });
}

//===----------------------------------------------------------------------===//
// Weights of a key
//===----------------------------------------------------------------------===//

Value BlockEmitter::choose(Value which, unsigned count,
                           llvm::function_ref<Value(unsigned)> of) {
  Value chosen = of(0);
  for (unsigned n = 1; n < count; ++n)
    chosen = select(compare(Predicate::eq, which, integer(n)), of(n), chosen);
  return chosen;
}

/// The lane of the quad that has a key's scores.
Value BlockEmitter::laneOfKey(Value key) {
  Value quad = arith::AndIOp::create(b, loc(), lane, integer(28));
  Value within = arith::AndIOp::create(b, loc(), key, integer(7));
  return addI(quad, arith::ShRUIOp::create(b, loc(), within, integer(1)));
}

Values BlockEmitter::weightsInFragments(ArrayRef<Value> weights, Value key) {
  Value fragment = arith::ShRUIOp::create(b, loc(), key, integer(3));
  Value odd =
      compare(Predicate::ne, arith::AndIOp::create(b, loc(), key, integer(1)),
              integer(0));
  Values result;
  for (unsigned r = 0; r < rowsOfThread(); ++r) {
    auto of = [&](unsigned c) {
      return choose(fragment, keyFragments(), [&](unsigned n) {
        return weights[((r / 2) * keyFragments() + n) * 4 + (r % 2) * 2 + c];
      });
    };
    result.push_back(device::ShuffleOp::create(b, loc(), device::Shuffle::Index,
                                               select(odd, of(1), of(0)),
                                               laneOfKey(key)));
  }
  return result;
}

/// The same of weights that are packed as an operand of 16 keys each.
Values BlockEmitter::weightsInPairs(const BlockMatrix &matrix,
                                    ValueRange weights, Value key) {
  Value fragment = arith::ShRUIOp::create(b, loc(), key, integer(3));
  Value odd =
      compare(Predicate::ne, arith::AndIOp::create(b, loc(), key, integer(1)),
              integer(0));
  Values result;
  for (unsigned r = 0; r < rowsOfThread(); ++r) {
    Value word = choose(fragment, keyFragments(), [&](unsigned n) -> Value {
      return vector::ExtractOp::create(b, loc(), weights[n / 2],
                                       int64_t(n % 2) * 2 + r);
    });
    word = device::ShuffleOp::create(b, loc(), device::Shuffle::Index, word,
                                     laneOfKey(key));
    auto both = device::UnpackOp::create(b, loc(), *matrix.panel.pair, word);
    result.push_back(select(odd, both.getHigh(), both.getLow()));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// What is not finite
//===----------------------------------------------------------------------===//

Values BlockEmitter::addStray(const BlockMatrix &matrix, Values sums,
                              llvm::function_ref<Values(Value)> weightsOf,
                              Value base) {
  const SharedOperand &panel = matrix.panel;
  unsigned features = panel.padded() / 8;
  Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
  Value own = mulI(within, 2 * panel.elementBytes());
  auto bitsOf = [&](Value number) -> Value {
    return arith::BitcastOp::create(b, loc(), b.getI32Type(), number);
  };
  auto isStray = [&](Value number) {
    Value exponent = integer(StrayBits::of(std::nullopt).exponent);
    return compare(Predicate::eq,
                   arith::AndIOp::create(b, loc(), bitsOf(number), exponent),
                   exponent);
  };
  /// The two features of the lane in block `f` of 8.
  auto pairAt = [&](Value key, unsigned f) -> Values {
    Value first = addI(addI(integer(panel.offset), base), own);
    Value address;
    if (plan.staging == Staging::Boxes) {
      // 16-byte chunks are exclusive-ored with the row.
      unsigned perBox = SharedOperand::boxElements / 8;
      Value chunk = arith::XOrIOp::create(
          b, loc(), arith::AndIOp::create(b, loc(), key, integer(7)),
          integer(f % perBox));
      address = addI(first, integer(f / perBox * panel.boxBytes()));
      address = addI(address, mulI(key, SharedOperand::boxRowBytes));
      address = addI(address, mulI(chunk, chunkBytes));
    } else {
      address = addI(addI(first, mulI(key, panel.rowBytes)),
                     integer(f * 8 * panel.elementBytes()));
    }
    if (!panel.pair)
      return scalarsOf(
          sharedLoad(address, 0, VectorType::get({2}, b.getF32Type())));
    auto pair = device::UnpackOp::create(
        b, loc(), *panel.pair, sharedLoad(address, 0, b.getI32Type()));
    return {pair.getLow(), pair.getHigh()};
  };
  return loop(constant(0), constant(plan.keys), 1, sums,
              [&](Value at, ValueRange carried) {
                Value key = narrow(at);
                Values inner(carried), weights = weightsOf(key), exists;
                for (Value weight : weights)
                  exists.push_back(compare(Predicate::ne, bitsOf(weight),
                                           integer(int32_t(0x80000000))));
                for (unsigned f = 0; f < features; ++f)
                  for (auto [c, number] : llvm::enumerate(pairAt(key, f))) {
                    Value stray = isStray(number);
                    for (unsigned r = 0; r < rowsOfThread(); ++r) {
                      Value &sum =
                          inner[((r / 2) * features + f) * 4 + (r % 2) * 2 + c];
                      sum = select(both(exists[r], stray),
                                   fmaScalar(weights[r], number, sum), sum);
                    }
                  }
                return inner;
              });
}

void BlockEmitter::takeStray(const BlockFold &fold, State &state,
                             WeightsOfKey weightsOf, Value base, Value crossed,
                             llvm::function_ref<void()> ready) {
  if (!crossed)
    return;
  Values sums;
  for (const BlockMatrix &matrix : fold.matrices)
    llvm::append_range(sums, state[matrix.component->number]);
  auto types = ValueRange(sums).getTypes();
  auto looks = scf::IfOp::create(b, loc(), types, crossed, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(looks.elseBlock());
  scf::YieldOp::create(b, loc(), sums);
  b.setInsertionPointToStart(looks.thenBlock());
  ready();
  // Addresses are computed here, not before the stream: registers are few.
  Value knownLane = lane, knownWarp = warp;
  forgetLane();
  warp = device::UniformOp::create(b, loc(), warp);
  Value mine = LaneBuilder::truth(false);
  for (const BlockMatrix &matrix : fold.matrices)
    mine = arith::OrIOp::create(b, loc(), mine, holdsStray(matrix.panel, base));
  auto takes = scf::IfOp::create(b, loc(), types, anyOfRows(mine), true);
  scf::YieldOp::create(b, loc(), takes.getResults());
  b.setInsertionPointToStart(takes.elseBlock());
  scf::YieldOp::create(b, loc(), sums);
  b.setInsertionPointToStart(takes.thenBlock());
  Values added;
  for (auto [number, matrix] : llvm::enumerate(fold.matrices))
    llvm::append_range(
        added, addStray(
                   matrix, state[matrix.component->number],
                   [&](Value key) { return weightsOf(number, key); }, base));
  // Everyone has seen the panels, then everyone sees them clean.
  meetOfRows();
  for (const BlockMatrix &matrix : fold.matrices)
    cleanStray(matrix.panel, base);
  if (plan.staging == Staging::Boxes)
    device::FenceOp::create(b, loc(), device::Fence::AsyncShared);
  meetOfRows();
  scf::YieldOp::create(b, loc(), added);
  lane = knownLane;
  warp = knownWarp;
  ValueRange results = looks.getResults();
  for (const BlockMatrix &matrix : fold.matrices) {
    Values &own = state[matrix.component->number];
    size_t count = own.size();
    own = Values(results.take_front(count));
    results = results.drop_front(count);
  }
}
