//===- Lists.cpp - topk and select: coordinates as values -----------------===//

#include "dialect/Cascade/Cascade.h"

using namespace mlir;
using namespace einfall::cascade;

/// The type of a list of coordinates along `rank` of `value`.
static FieldType listType(MLIRContext *context, FieldType value, StringRef rank,
                          StringRef entries) {
  SmallVector<StringRef> ranks = value.without({rank}).getRankNames();
  ranks.push_back(entries);
  return FieldType::get(context, Kind::Int, ranks);
}

static LogicalResult verifyList(Operation *op, FieldType value, StringRef rank,
                                StringRef entries) {
  if (value.hasRank(entries))
    return op->emitOpError() << "numbers its entries by rank \"" << entries
                             << "\", which the operand ranges over";
  if (rank == entries)
    return op->emitOpError() << "numbers its entries by the rank \"" << rank
                             << "\" that it selects along";
  return success();
}

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location>, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(listType(context, fieldType(adaptor.getValue()),
                           adaptor.getRank(), adaptor.getEntries()));
  return success();
}

LogicalResult TopKOp::verify() {
  if (getValue().getType().getKind() == Kind::Bool)
    return emitOpError() << "orders numbers, found " << getValue().getType();
  FieldType count = getCount().getType();
  if (!count.getRanks().empty() || count.getKind() != Kind::Int)
    return emitOpError() << "the count must be a field of int[], found "
                         << count;
  return verifyList(*this, getValue().getType(), getRank(), getEntries());
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location>,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  types.push_back(listType(context, fieldType(adaptor.getCondition()),
                           adaptor.getRank(), adaptor.getEntries()));
  return success();
}

LogicalResult SelectOp::verify() {
  if (getCondition().getType().getKind() != Kind::Bool)
    return emitOpError() << "the condition must be a bool, found "
                         << getCondition().getType();
  return verifyList(*this, getCondition().getType(), getRank(), getEntries());
}
