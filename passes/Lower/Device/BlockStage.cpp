//===- BlockStage.cpp - Operands in shared memory -------------------------===//
//
// All threads fill a tile together, 16 bytes each at a time. Elements are
// evaluated as fields, so an operand may be any product of reads; beyond the
// extents, and for keys that no row of the block has, there are zeros.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

void BlockEmitter::barrier() {
  device::BarrierOp::create(b, loc(), /*id=*/0, /*threads=*/IntegerAttr());
}

void BlockEmitter::stage(const SharedOperand &operand, Value first,
                         const BlockFold *presence) {
  int64_t perChunk = 16 / operand.elementBytes();
  int64_t chunks = operand.padded() / perChunk;
  int64_t total = chunks * operand.rows;
  int64_t threads = int64_t(plan.warps) * 32;
  Value last = sub(extent(operand.outer), constant(1));
  loop(wide(thread), constant(total), threads, [&](Value number) {
    Value row = arith::DivUIOp::create(b, loc(), number, constant(chunks));
    Value chunk = arith::RemUIOp::create(b, loc(), number, constant(chunks));
    Value outer = add(first, row);
    Value exists = compare(Predicate::sle, outer, last);
    if (presence) {
      Extremes here = presentIn(*presence, boxOf(*presence, outer, constant(1)));
      exists = both(exists, here.ever);
    }
    Value address = addI(
        mulI(narrow(row), operand.rowBytes),
        addI(mulI(narrow(chunk), 16), integer(operand.offset)));
    auto vector =
        VectorType::get({operand.pair ? 4 : perChunk},
                        operand.pair ? Type(b.getI32Type()) : b.getF32Type());
    auto op = scf::IfOp::create(b, loc(), TypeRange{vector}, exists, true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(op.thenBlock());
      Values elements;
      Memo shared;
      for (int64_t i = 0; i < perChunk; ++i) {
        Point point = item;
        point.at[operand.outer] = outer;
        Value inner = add(mul(chunk, perChunk), i);
        point.at[operand.inner] = inner;
        bool ragged = operand.extent % perChunk != 0 ||
                      operand.padded() != operand.extent;
        if (ragged)
          point.readAt[operand.inner] =
              minimum(inner, constant(operand.extent - 1));
        Memo memo = shared;
        Lanes result{real(1), nullptr};
        bool isFirst = true;
        for (Factor factor : operand.factors) {
          Lanes x = eval(factor.value, point, memo);
          if (factor.inverted)
            x.value = apply(Function::Div, {real(1), x.value});
          result.value =
              isFirst ? x.value : apply(Function::Mul, {result.value, x.value});
          result.present = both(result.present, x.present);
          isFirst = false;
        }
        keep(memo, shared, {operand.inner});
        if (ragged)
          result.present =
              both(result.present,
                   compare(Predicate::slt, inner, constant(operand.extent)));
        elements.push_back(select(result.present, result.value, real(0)));
      }
      if (operand.pair) {
        Values pairs;
        for (int64_t i = 0; i < perChunk; i += 2)
          pairs.push_back(device::PackOp::create(b, loc(), *operand.pair,
                                                 elements[i], elements[i + 1]));
        elements = pairs;
      }
      Value packed =
          vector::FromElementsOp::create(b, loc(), vector, elements);
      scf::YieldOp::create(b, loc(), packed);
      b.setInsertionPointToStart(op.elseBlock());
      Value zero =
          arith::ConstantOp::create(b, loc(), b.getZeroAttr(vector));
      scf::YieldOp::create(b, loc(), zero);
    }
    device::StoreOp::create(b, loc(), device::Space::Shared, op.getResult(0),
                            address, integer(0));
  });
}
