//===- TileBlocks.cpp - Register blocks -----------------------------------===//
//
// The two inner loops. Both keep a block of keys (or features) x row vectors of
// sums in registers, load the row vectors once and broadcast one element of the
// packed operand for each: with 8 x 3 sums of 16 lanes that is 11 loads for 24
// fused multiply-adds. Several sums in flight hide the latency.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/TileEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

SmallVector<Value> TileEmitter::contract(FoldBuffers &fold,
                                         const Contraction &contraction,
                                         const Point &group, const Tile &tile,
                                         Value local, bool prefetching) {
  Type f32 = b.getF32Type();
  unsigned block = plan.keyBlock, parts = plan.rowVectors;
  int64_t extent = contraction.extent;
  int64_t full = extent / width, chunks = (extent + width - 1) / width;
  const Panel &panel = panelOf(fold, contraction.keys, true);
  Value rowBase = element(fold.rowOperands.lookup(contraction.result),
                          mul(group.group, extent * rows()), f32);
  Value keyBase = element(panel.address, mul(local, chunks * width), f32);

  // One step along the contracted rank: element `e` of chunk `chunk`.
  auto step = [&](Value chunk, Value e, SmallVector<Value> &sums) {
    Value row = mul(add(mul(chunk, width), e), rows());
    SmallVector<Value> x;
    for (unsigned part = 0; part < parts; ++part)
      x.push_back(loadVector(
          element(rowBase, add(row, int64_t(part) * width), f32), f32));
    Value first = mul(chunk, int64_t(block) * width);
    for (unsigned key = 0; key < block; ++key) {
      Value y = broadcast(loadScalar(
          element(keyBase, add(add(first, e), int64_t(key) * width), f32),
          f32));
      for (unsigned part = 0; part < parts; ++part)
        sums[key * parts + part] = fma(x[part], y, sums[key * parts + part]);
    }
  };
  unsigned unroll = std::min(4u, width);
  SmallVector<Value> zeros(block * parts, zeroVector());
  SmallVector<Value> sums =
      loop(constant(0), constant(full), 1, zeros,
           [&](Value chunk, ValueRange carried) {
             if (prefetching)
               prefetchNext(fold, group, tile, local, chunk, full);
             return loop(constant(0), constant(width), unroll, carried,
                         [&](Value e, ValueRange values) {
                           SmallVector<Value> inner(values);
                           for (unsigned i = 0; i < unroll; ++i)
                             step(chunk, add(e, i), inner);
                           return inner;
                         });
           });
  for (unsigned e = 0; e < extent % width; ++e)
    step(constant(full), constant(e), sums);
  return sums;
}

/// Asks for a part of the next tile's operands: block by block, chunk by chunk
/// and group by group, so that the requests are spread over the whole tile.
void TileEmitter::prefetchNext(FoldBuffers &fold, const Point &group,
                               const Tile &tile, Value local, Value chunk,
                               int64_t chunks) {
  if (!tile.whole || chunks == 0)
    return;
  int64_t lines = 0;
  const int64_t lineFloats = 16;
  for (const Panel &panel : fold.panels)
    lines += (panel.extent + lineFloats - 1) / lineFloats;
  // Every group asks for its share of the lines of a key.
  int64_t share = (lines + plan.groups - 1) / plan.groups;
  int64_t keys = (plan.keyBlock + chunks - 1) / chunks;
  for (int64_t key = 0; key < keys; ++key) {
    Value next = add(add(add(tile.start, plan.keyTile), local),
                     add(mul(chunk, keys), key));
    Point item = group;
    for (const Panel &panel : fold.panels) {
      Value address = prefetchAddress(panel, item, next);
      if (!address)
        continue;
      int64_t own = (panel.extent + lineFloats - 1) / lineFloats;
      int64_t part = std::max<int64_t>(1, own * share / lines);
      for (int64_t line = 0; line < part; ++line)
        prefetch(element(address,
                         mul(add(mul(group.group, part), line), lineFloats),
                         b.getF32Type()));
    }
  }
}

void TileEmitter::accumulate(FoldBuffers &fold, const Component &component,
                             const Point &group, const Tile &tile) {
  Type f32 = b.getF32Type();
  unsigned block = plan.keyBlock, parts = plan.rowVectors;
  FoldOp op = fold.plan->fold;
  unsigned references = op.getReferences();
  const Panel &panel = panelOf(fold, component.panel, false);
  const Weights *weights =
      llvm::find_if(fold.weights, [&](const Weights &candidate) {
        return candidate.factors == component.weight &&
               candidate.conditions == component.conditions;
      });
  int64_t padded = (component.extent + width - 1) / width * width;
  Value state = element(fold.state[component.number],
                        mul(group.group, padded * rows()), f32);
  BlockArgument before = op.getAct().getArgument(references + component.number);
  Value after;
  if (references > 0) {
    auto yield = cast<YieldOp>(op.getAct().front().getTerminator());
    after = yield.getValues()[component.number - references];
    hoist(after, {component.feature}, {before}, group);
  }
  int64_t features = (component.extent + block - 1) / block * block;
  loop(constant(0), constant(features), block, [&](Value first) {
    auto place = [&](unsigned feature, unsigned part) {
      return element(
          state, add(mul(add(first, feature), rows()), int64_t(part) * width),
          f32);
    };
    SmallVector<Value> sums;
    for (unsigned feature = 0; feature < block; ++feature)
      for (unsigned part = 0; part < parts; ++part) {
        Value sum = loadVector(place(feature, part), f32);
        if (after) {
          Memo memo;
          memo[before] = {sum, nullptr};
          Point point = rowPoint(group, part);
          point.at[component.feature] = add(first, feature);
          sum = broadcast(eval(after, point, memo).value);
        }
        sums.push_back(sum);
      }
    Value panelBase = element(panel.address, mul(first, plan.keyTile + 2), f32);
    // Masks take registers: two keys at once would spill.
    const unsigned unroll = tile.whole ? 2 : 1;
    sums = loop(
        tile.from, tile.to, unroll, sums, [&](Value local, ValueRange carried) {
          SmallVector<Value> inner(carried);
          for (unsigned i = 0; i < unroll; ++i) {
            Value key = add(local, i);
            SmallVector<Value> x, some;
            for (unsigned part = 0; part < parts; ++part) {
              x.push_back(loadVector(
                  element(weights->address,
                          add(mul(key, rows()), int64_t(part) * width), f32),
                  f32));
              // What does not exist has weight 0 and must not meet a NaN.
              if (!tile.whole)
                some.push_back(arith::CmpFOp::create(b, loc(),
                                                     arith::CmpFPredicate::UNE,
                                                     x.back(), zeroVector()));
            }
            for (unsigned feature = 0; feature < block; ++feature) {
              Value y = broadcast(loadScalar(
                  element(panelBase, add(mul(key, block), feature), f32), f32));
              for (unsigned part = 0; part < parts; ++part) {
                Value &sum = inner[feature * parts + part];
                Value next = fma(x[part], y, sum);
                sum = tile.whole ? next : select(some[part], next, sum);
              }
            }
          }
          return inner;
        });
    for (unsigned feature = 0; feature < block; ++feature)
      for (unsigned part = 0; part < parts; ++part)
        store(sums[feature * parts + part], place(feature, part));
  });
  reciprocals.clear();
}
