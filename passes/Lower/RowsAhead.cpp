//===- RowsAhead.cpp - What is read next is fetched ahead -----------------===//
//
// The keys are read once, so the kernel is as fast as memory answers. One core
// keeps few reads in flight by itself; what keeps more is the prefetcher of the
// hardware, which follows lines upwards within a page, and follows several
// pages at once. So while a vector of keys enters the states, a later vector is
// asked for line by line in several places in turn: at its first and at its
// middle key, of every tensor that is streamed. On a Xeon with AVX-512 this
// reads as fast as anything does; asking for every line as many keys ahead as
// it is read gave 70 % of that.
//
// The requests are spread over the contraction and the accumulation of a step.
// How many lines a key has follows from the extents that are likely: nothing
// depends on it but speed, as nothing depends on an address being inside.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/RowsEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

/// In vectors of keys.
static constexpr int64_t distance = 2;
/// Places of one vector of keys that are followed at once.
static constexpr int64_t places = 2;

static Type storageOf(ReadOp read) {
  auto input = read.getTensor().getDefiningOp<InputOp>();
  return input.getResult().getType().getElement();
}

void RowsEmitter::lookAhead(Value key) {
  ahead.clear();
  if (emitter.laneAccess != ElementEmitter::LaneAccess::Dense)
    return;
  Coordinates at = rows.front().at;
  at[form.stream] = {emitter.add(key, constant(distance * lanes))};
  for (const Sharing::Streamed &streamed : form.sharing.streamed) {
    at[streamed.along] = {constant(0)};
    ahead.push_back({streamed.read, emitter.addressOf(streamed.read, at),
                     emitter.strideAlong(streamed.read, form.stream),
                     linesOf(streamed)});
  }
}

int64_t RowsEmitter::linesOf(const Sharing::Streamed &streamed) {
  auto likely = extents.find(streamed.along);
  int64_t extent = likely == extents.end() ? 128 : likely->second;
  int64_t bits = storageOf(streamed.read).getIntOrFloatBitWidth();
  return std::max<int64_t>(1, (extent * bits + 511) / 512);
}

void RowsEmitter::fetchAhead(Value iteration, int64_t iterations,
                             unsigned phase) {
  // Half of a step's lines in the contraction, half in the accumulation.
  bool both = form.hasContraction && form.hasColumns();
  for (const Ahead &next : ahead) {
    int64_t keys = lanes / places, lines = keys * next.lines;
    int64_t share = both ? lines / 2 : lines;
    int64_t each = std::max<int64_t>(1, (share + iterations - 1) / iterations);
    Value first = emitter.add(emitter.mul(iteration, constant(each)),
                              constant(both && phase == 1 ? share : 0));
    for (int64_t place = 0; place < places; ++place)
      for (int64_t i = 0; i < each; ++i) {
        Value line = emitter.add(first, constant(i));
        Value key = emitter.add(quotient(line, constant(next.lines)),
                                constant(place * keys));
        Value offset =
            emitter.mul(remainder(line, constant(next.lines)), constant(64));
        Value row = emitter.element(next.address, emitter.mul(key, next.stride),
                                    storageOf(next.read));
        LLVM::Prefetch::create(b, loc(),
                               emitter.element(row, offset, b.getI8Type()),
                               /*rw=*/0, /*hint=*/3, /*cache=*/1);
      }
  }
}
