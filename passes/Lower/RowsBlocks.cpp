//===- RowsBlocks.cpp - Blocks of rows that read the same -----------------===//
//
// Along a rank whose rows read the same in runs, a run is cut into equal parts
// of at most `mostRows` rows in all; the last part of a run, and the last run,
// may be shorter.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/RowsEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

Value RowsEmitter::quotient(Value x, Value y) {
  return arith::DivUIOp::create(b, loc(), x, y);
}

Value RowsEmitter::remainder(Value x, Value y) {
  return arith::RemUIOp::create(b, loc(), x, y);
}

Value RowsEmitter::ceilDiv(Value x, Value y) {
  return quotient(emitter.sub(emitter.add(x, y), constant(1)), y);
}

SmallVector<RowsEmitter::Cut> RowsEmitter::cuts() {
  SmallVector<Cut> result(form.rowRanks.size());
  Value rows = constant(1), one = constant(1);
  for (unsigned i = form.rowRanks.size(); i-- > 0;) {
    StringRef name = form.rowRanks[i];
    Value extent = emitter.extent(name);
    auto *shared =
        llvm::find_if(form.sharing.ranks, [&](const Sharing::Rank &rank) {
          return rank.name == name;
        });
    if (shared == form.sharing.ranks.end()) {
      result[i] = {{}, {}, one, extent};
      continue;
    }
    Value run = maximum(extent, one);
    for (const Quotient &part : shared->quotients) {
      Value by = emitter.emit(part.by, {}).value;
      if (part.times)
        by = arith::DivSIOp::create(
            b, loc(), by, maximum(emitter.emit(part.times, {}).value, one));
      run = minimum(run, maximum(by, one));
    }
    Value room = maximum(quotient(constant(Sharing::mostRows), rows), one);
    Value rowsHere = minimum(run, room);
    rows = emitter.mul(rows, rowsHere);
    result[i] = {run, rowsHere, ceilDiv(run, rowsHere), ceilDiv(extent, run)};
  }
  return result;
}

Value RowsEmitter::blockCount() {
  Value count = constant(1);
  for (const Cut &cut : cuts())
    count = emitter.mul(count, emitter.mul(cut.parts, cut.runs));
  return count;
}

RowsEmitter::Block RowsEmitter::blockAt(Value number) {
  Block block;
  SmallVector<Cut> all = cuts();
  block.rows = constant(1);
  for (unsigned i = form.rowRanks.size(); i-- > 0;) {
    StringRef rank = form.rowRanks[i];
    const Cut &cut = all[i];
    if (!cut.run) {
      block.first[rank] = {remainder(number, cut.runs)};
      number = quotient(number, cut.runs);
      continue;
    }
    Value part = remainder(number, cut.parts);
    number = quotient(number, cut.parts);
    Value run = remainder(number, cut.runs);
    number = quotient(number, cut.runs);
    Value inRun = emitter.mul(part, cut.rows);
    Value first = emitter.add(emitter.mul(run, cut.run), inRun);
    Value rows = minimum(minimum(cut.rows, emitter.sub(cut.run, inRun)),
                         emitter.sub(emitter.extent(rank), first));
    rows = maximum(rows, constant(0));
    block.first[rank] = {first};
    block.extents[rank] = rows;
    block.rows = emitter.mul(block.rows, rows);
  }
  return block;
}

Coordinates RowsEmitter::rowOf(const Block &block, Value number) {
  Coordinates at = block.first;
  for (StringRef rank : llvm::reverse(form.rowRanks)) {
    auto it = block.extents.find(rank);
    if (it == block.extents.end())
      continue;
    at[rank] = {emitter.add(at[rank].index, remainder(number, it->second))};
    number = quotient(number, it->second);
  }
  return at;
}

Value RowsEmitter::rowNumber(const Coordinates &at) {
  Value number = constant(0);
  for (StringRef rank : form.rowRanks)
    number = emitter.add(emitter.mul(number, emitter.extent(rank)),
                         at.at(rank).index);
  return number;
}

Value RowsEmitter::agree(const Block &block) {
  Coordinates last = block.first;
  for (auto [rank, extent] : block.extents)
    last[rank] = {
        emitter.sub(emitter.add(last[rank].index, extent), constant(1))};
  Value all = emitter.less(constant(0), block.rows);
  agreed.clear();
  // Quotients grow with the coordinate: where the ends agree, so do all.
  for (Value index : form.sharing.indices) {
    Element x = emitter.emit(index, block.first), y = emitter.emit(index, last);
    all = emitter.conjunction(
        all, arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq, x.value,
                                   y.value));
    all = emitter.conjunction(all, emitter.conjunction(x.present, y.present));
    agreed[index] = {x.value, {}};
  }
  return all;
}
