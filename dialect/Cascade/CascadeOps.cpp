//===- CascadeOps.cpp - Verification, inference and syntax of the ops -----===//
//
// Lists and recurrences have files of their own.
//
//===----------------------------------------------------------------------===//

#include "dialect/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace einfall::cascade;

//===----------------------------------------------------------------------===//
// Shared syntax
//===----------------------------------------------------------------------===//

/// `[` rank (`,` rank)* `]` as bare words.
static ParseResult parseRankList(OpAsmParser &parser, ArrayAttr &dims) {
  SmallVector<Attribute> ranks;
  auto parseRank = [&]() -> ParseResult {
    std::string name;
    if (parser.parseKeywordOrString(&name))
      return failure();
    ranks.push_back(parser.getBuilder().getStringAttr(name));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseRank))
    return failure();
  dims = parser.getBuilder().getArrayAttr(ranks);
  return success();
}

static void printRankList(OpAsmPrinter &printer, Operation *, ArrayAttr dims) {
  printer << '[';
  llvm::interleaveComma(names(dims), printer, [&](StringRef name) {
    printer.printKeywordOrString(name);
  });
  printer << ']';
}

static ParseResult parseFunctionName(OpAsmParser &parser, FunctionAttr &attr) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Function> function = symbolizeFunction(keyword);
  if (!function)
    return parser.emitError(loc, "unknown function ") << keyword;
  attr = FunctionAttr::get(parser.getContext(), *function);
  return success();
}

static void printFunctionName(OpAsmPrinter &printer, Operation *,
                              FunctionAttr attr) {
  printer << stringifyFunction(attr.getValue());
}

static ParseResult parseMonoidName(OpAsmParser &parser, MonoidAttr &attr) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Monoid> monoid = symbolizeMonoid(keyword);
  if (!monoid)
    return parser.emitError(loc, "unknown monoid ") << keyword;
  attr = MonoidAttr::get(parser.getContext(), *monoid);
  return success();
}

static void printMonoidName(OpAsmPrinter &printer, Operation *,
                            MonoidAttr attr) {
  printer << stringifyMonoid(attr.getValue());
}

static ParseResult parseMonoidList(OpAsmParser &parser, ArrayAttr &monoids) {
  SmallVector<Attribute> list;
  auto parseOne = [&]() -> ParseResult {
    MonoidAttr attr;
    if (parseMonoidName(parser, attr))
      return failure();
    list.push_back(attr);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOne))
    return failure();
  monoids = parser.getBuilder().getArrayAttr(list);
  return success();
}

static void printMonoidList(OpAsmPrinter &printer, Operation *,
                            ArrayAttr monoids) {
  printer << '[';
  llvm::interleaveComma(monoids, printer, [&](Attribute attr) {
    printer << stringifyMonoid(cast<MonoidAttr>(attr).getValue());
  });
  printer << ']';
}

#define GET_OP_CLASSES
#include "dialect/Cascade/CascadeOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Kernel, inputs and outputs
//===----------------------------------------------------------------------===//

Operation *KernelOp::getRankBinding(StringRef rank) {
  for (auto op : getBody().getOps<RankOp>())
    if (op.getName() == rank && op.getExtent())
      return op;
  for (auto op : getBody().getOps<InputOp>())
    if (llvm::is_contained(names(op.getDims()), rank))
      return op;
  return nullptr;
}

LogicalResult KernelOp::verifyRegions() {
  llvm::StringMap<Operation *> interface;
  for (Operation &op : getBody().front()) {
    StringRef name;
    if (auto input = dyn_cast<InputOp>(op))
      name = input.getName();
    else if (auto param = dyn_cast<ParamOp>(op))
      name = param.getName();
    else if (auto output = dyn_cast<OutputOp>(op))
      name = output.getName();
    else
      continue;
    auto [entry, isNew] = interface.try_emplace(name, &op);
    if (!isNew)
      return op.emitOpError()
             << "names a second argument \"" << name << '"' << " of the kernel";
  }
  // Every rank that is iterated has an extent.
  WalkResult walk = getBody().walk([&](Operation *op) -> WalkResult {
    SmallVector<StringRef> used;
    if (auto coord = dyn_cast<CoordOp>(op))
      used.push_back(coord.getRank());
    else if (auto extent = dyn_cast<ExtentOp>(op))
      used.push_back(extent.getRank());
    else if (auto reduce = dyn_cast<ReduceOp>(op))
      used = names(reduce.getRanks());
    else if (auto topk = dyn_cast<TopKOp>(op))
      used = {topk.getRank(), topk.getEntries()};
    else if (auto select = dyn_cast<SelectOp>(op))
      used = {select.getRank(), select.getEntries()};
    else if (auto recurrence = dyn_cast<RecurrenceOp>(op))
      used = {recurrence.getRank(), recurrence.getStates()};
    else if (auto output = dyn_cast<OutputOp>(op))
      used = names(output.getDims());
    for (StringRef rank : used)
      if (!getRankBinding(rank))
        return op->emitOpError()
               << "uses rank \"" << rank << "\", whose extent nothing binds";
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult InputOp::verify() {
  if (getDims().size() != getResult().getType().getRank())
    return emitOpError() << "names " << getDims().size()
                         << " ranks for a tensor of "
                         << getResult().getType().getRank() << " dimensions";
  return success();
}

/// A parameter, an extent or a filler is one number of the right kind.
static LogicalResult verifyScalar(Operation *op, StringRef what, FieldType type,
                                  Kind kind) {
  if (type.getRanks().empty() && type.getKind() == kind)
    return success();
  return op->emitOpError() << what << " must be a field of "
                           << stringifyKind(kind) << "[], found " << type;
}

LogicalResult ParamOp::verify() {
  std::optional<Kind> kind = storageKind(getStorage());
  if (!kind)
    return emitOpError() << "cannot be stored as " << getStorage();
  if (getFallback() && failed(verifyScalar(*this, "the fallback",
                                           getFallback().getType(), *kind)))
    return failure();
  return verifyScalar(*this, "the result", getResult().getType(), *kind);
}

/// Indices are integers.
static LogicalResult verifyIndices(Operation *op, ValueRange indices) {
  for (auto [number, index] : llvm::enumerate(indices))
    if (fieldType(index).getKind() != Kind::Int)
      return op->emitOpError() << "index " << number
                               << " must be an int, found " << fieldType(index);
  return success();
}

LogicalResult OutputOp::verify() {
  std::optional<Kind> kind = storageKind(getStorage());
  FieldType value = getValue().getType();
  if (!kind || *kind != value.getKind())
    return emitOpError() << "cannot store " << stringifyKind(value.getKind())
                         << " values as " << getStorage();
  SmallVector<StringRef> dims = names(getDims());
  bool scatters = !getIndices().empty();
  if (scatters && getIndices().size() != dims.size())
    return emitOpError() << "has " << getIndices().size() << " indices for "
                         << dims.size() << " dimensions";
  if (failed(verifyIndices(*this, getIndices())))
    return failure();
  for (StringRef rank : value.getRankNames())
    if (!scatters && !llvm::is_contained(dims, rank))
      return emitOpError() << "value ranges over \"" << rank
                           << "\", which is not a rank of the output";
  if (getFiller())
    return verifyScalar(*this, "the filler", getFiller().getType(), *kind);
  return success();
}

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

LogicalResult RequireOp::verify() {
  if (getCondition().getType().getKind() != Kind::Bool)
    return emitOpError() << "the condition must be a bool, found "
                         << getCondition().getType();
  return success();
}

static Kind attributeKind(Type type) {
  return isa<FloatType>(type) ? Kind::Real
         : type.isInteger(1)  ? Kind::Bool
                              : Kind::Int;
}

void ConstOp::build(OpBuilder &builder, OperationState &state, double value) {
  build(builder, state,
        FieldType::get(builder.getContext(), Kind::Real, ArrayRef<StringRef>{}),
        builder.getF64FloatAttr(value));
}

void ConstOp::build(OpBuilder &builder, OperationState &state, int64_t value) {
  build(builder, state,
        FieldType::get(builder.getContext(), Kind::Int, ArrayRef<StringRef>{}),
        builder.getI64IntegerAttr(value));
}

void ConstOp::build(OpBuilder &builder, OperationState &state, bool value) {
  build(builder, state,
        FieldType::get(builder.getContext(), Kind::Bool, ArrayRef<StringRef>{}),
        builder.getBoolAttr(value));
}

LogicalResult ConstOp::verify() {
  Type type = getValue().getType();
  if (!type.isF64() && !type.isInteger(64) && !type.isInteger(1))
    return emitOpError() << "holds an f64, i64 or i1, found " << type;
  return verifyScalar(*this, "the result", getResult().getType(),
                      attributeKind(type));
}

OpFoldResult ConstOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult CoordOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  types.push_back(FieldType::get(context, Kind::Int,
                                 ArrayRef<StringRef>{adaptor.getRank()}));
  return success();
}

LogicalResult ExtentOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location>, Adaptor,
                                         SmallVectorImpl<Type> &types) {
  types.push_back(FieldType::get(context, Kind::Int, ArrayRef<StringRef>{}));
  return success();
}

LogicalResult ReadOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location>, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto tensor = dyn_cast<ArgumentType>(adaptor.getTensor().getType());
  if (!tensor)
    return failure();
  types.push_back(joinRanks(context, *storageKind(tensor.getElement()),
                            adaptor.getIndices().getTypes()));
  return success();
}

LogicalResult ReadOp::verify() {
  if (getIndices().size() != getTensor().getType().getRank())
    return emitOpError() << "has " << getIndices().size()
                         << " indices for a tensor of "
                         << getTensor().getType().getRank() << " dimensions";
  return verifyIndices(*this, getIndices());
}

LogicalResult MapOp::inferReturnTypes(MLIRContext *context,
                                      std::optional<Location> loc,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  SmallVector<Kind> kinds =
      llvm::map_to_vector(adaptor.getOperands(), [](Value value) {
        return fieldType(value).getKind();
      });
  std::optional<Kind> kind = resultKind(adaptor.getFunction(), kinds);
  if (!kind)
    return emitOptionalError(loc, "function ",
                             stringifyFunction(adaptor.getFunction()),
                             " is not defined on these operands");
  types.push_back(joinRanks(context, *kind, adaptor.getOperands().getTypes()));
  return success();
}

LogicalResult MapOp::verify() {
  if (getOperands().size() != arity(getFunction()))
    return emitOpError() << stringifyFunction(getFunction()) << " takes "
                         << arity(getFunction()) << " operands, found "
                         << getOperands().size();
  return success();
}

LogicalResult WhereOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  if (fieldType(adaptor.getCondition()).getKind() != Kind::Bool)
    return emitOptionalError(loc, "the condition must be a bool");
  types.push_back(joinRanks(context, fieldType(adaptor.getValue()).getKind(),
                            adaptor.getOperands().getTypes()));
  return success();
}

LogicalResult OrElseOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  Kind kind = fieldType(adaptor.getValue()).getKind();
  if (fieldType(adaptor.getFallback()).getKind() != kind)
    return emitOptionalError(loc, "value and fallback must be of one kind");
  types.push_back(joinRanks(context, kind, adaptor.getOperands().getTypes()));
  return success();
}

LogicalResult PresentOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location>,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.push_back(fieldType(adaptor.getValue()).withKind(Kind::Bool));
  return success();
}

LogicalResult AtOp::inferReturnTypes(MLIRContext *context,
                                     std::optional<Location>, Adaptor adaptor,
                                     SmallVectorImpl<Type> &types) {
  FieldType rest =
      fieldType(adaptor.getValue()).without(names(adaptor.getRanks()));
  SmallVector<Type> parts(adaptor.getIndices().getTypes());
  parts.push_back(rest);
  types.push_back(joinRanks(context, rest.getKind(), parts));
  return success();
}

LogicalResult AtOp::verify() {
  if (getIndices().size() != getRanks().size())
    return emitOpError() << "has " << getIndices().size() << " indices for "
                         << getRanks().size() << " ranks";
  for (StringRef rank : names(getRanks()))
    if (!fieldType(getValue()).hasRank(rank))
      return emitOpError() << "substitutes rank \"" << rank
                           << "\", which the value does not range over";
  return verifyIndices(*this, getIndices());
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// The kind that a monoid gives over values of `kind`, or nothing.
static std::optional<Kind> monoidKind(Monoid monoid, Kind kind) {
  switch (monoid) {
  case Monoid::Sum:
  case Monoid::Max:
  case Monoid::Min:
    return kind == Kind::Bool ? std::nullopt : std::optional(kind);
  case Monoid::Any:
  case Monoid::All:
    return kind == Kind::Bool ? std::optional(kind) : std::nullopt;
  case Monoid::Count:
    return Kind::Int;
  case Monoid::ArgMax:
    return kind == Kind::Bool ? std::nullopt : std::optional(Kind::Int);
  case Monoid::First:
    return kind;
  }
  return std::nullopt;
}

void ReduceOp::build(OpBuilder &builder, OperationState &state, Monoid monoid,
                     ArrayRef<StringRef> ranks, Value value) {
  FieldType type = fieldType(value);
  // A wrong kind is left to the verifier to report.
  Kind kind = monoidKind(monoid, type.getKind()).value_or(type.getKind());
  build(builder, state, type.without(ranks).withKind(kind),
        MonoidAttr::get(builder.getContext(), monoid),
        builder.getStrArrayAttr(ranks), value);
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  FieldType type = fieldType(adaptor.getValue());
  std::optional<Kind> kind = monoidKind(adaptor.getMonoid(), type.getKind());
  if (!kind)
    return emitOptionalError(loc, stringifyMonoid(adaptor.getMonoid()),
                             " is not defined on ",
                             stringifyKind(type.getKind()), " values");
  types.push_back(type.without(names(adaptor.getRanks())).withKind(*kind));
  return success();
}

LogicalResult ReduceOp::verify() {
  if (getRanks().empty())
    return emitOpError() << "reduces no rank";
  if (getMonoid() == Monoid::ArgMax && getRanks().size() != 1)
    return emitOpError() << "argmax takes one rank, found "
                         << getRanks().size();
  return success();
}

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

SmallVector<StringRef> FoldOp::getRankNames() { return names(getRanks()); }

Monoid FoldOp::getMonoid(unsigned component) {
  return cast<MonoidAttr>(getMonoids()[component]).getValue();
}

LogicalResult FoldOp::verifyRegions() {
  unsigned components = getNumComponents();
  unsigned references = static_cast<unsigned>(getReferences());
  SmallVector<StringRef> ranks = getRankNames();
  if (ranks.empty())
    return emitOpError() << "streams no rank";
  if (getNumResults() != components)
    return emitOpError() << "has " << getNumResults() << " results for "
                         << components << " monoids";
  if (references > components)
    return emitOpError() << "has " << references << " references among "
                         << components << " components";
  for (unsigned i = 0; i < references; ++i)
    if (Monoid monoid = getMonoid(i); monoid != Monoid::Max &&
                                      monoid != Monoid::Min &&
                                      monoid != Monoid::First)
      return emitOpError() << "reference " << i
                           << " must be folded by max, min or first, found "
                           << stringifyMonoid(monoid);
  for (auto [i, type] : llvm::enumerate(getResultTypes()))
    for (StringRef rank : ranks)
      if (cast<FieldType>(type).hasRank(rank))
        return emitOpError() << "component " << i << " ranges over \"" << rank
                             << "\", which the fold streams";

  auto checkTypes = [&](StringRef what, TypeRange found,
                        ArrayRef<Type> expected) -> LogicalResult {
    if (found == TypeRange(expected))
      return success();
    InFlightDiagnostic diag = emitOpError() << what << " must have types (";
    llvm::interleaveComma(expected, diag);
    diag << "), found (";
    llvm::interleaveComma(found, diag);
    return diag << ")";
  };
  SmallVector<Type> state(getResultTypes());
  ArrayRef<Type> refTypes = ArrayRef(state).take_front(references);
  ArrayRef<Type> accTypes = ArrayRef(state).drop_front(references);
  SmallVector<Type> actTypes(refTypes);
  llvm::append_range(actTypes, refTypes);
  llvm::append_range(actTypes, accTypes);
  if (failed(checkTypes("arguments of step",
                        getStep().front().getArgumentTypes(), refTypes)) ||
      failed(checkTypes("arguments of act", getAct().front().getArgumentTypes(),
                        actTypes)))
    return failure();

  auto stepYield = dyn_cast<YieldOp>(getStep().front().back());
  auto actYield = dyn_cast<YieldOp>(getAct().front().back());
  if (!stepYield || !actYield)
    return emitOpError() << "regions must end in cascade.yield";
  if (failed(checkTypes("values of act", actYield.getValues().getTypes(),
                        accTypes)))
    return failure();
  if (stepYield.getValues().size() != components)
    return stepYield.emitOpError()
           << "yields " << stepYield.getValues().size() << " values for "
           << components << " components";
  for (unsigned i = 0; i < components; ++i) {
    FieldType entering = fieldType(stepYield.getValues()[i]);
    std::optional<Kind> kind = monoidKind(getMonoid(i), entering.getKind());
    if (!kind || entering.without(ranks).withKind(*kind) != state[i])
      return stepYield.emitOpError()
             << "value " << i << " of type " << entering << " cannot enter a "
             << stringifyMonoid(getMonoid(i)) << " of type " << state[i];
  }
  return success();
}
