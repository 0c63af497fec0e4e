//===- Emit.cpp - From elaborated kernels to the cascade dialect ----------===//

#include "frontend/sema/Emit.h"
#include "dialect/Cascade/Cascade.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/Twine.h"

using namespace einfall;
using namespace einfall::ein;
using namespace mlir;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

namespace {
class Emitter {
public:
  Emitter(ModuleOp module, const ElaboratedKernel &kernel,
          const SourceManager &sources, ein::DiagnosticEngine &diagnostics,
          const EmitOptions &options)
      : kernel(kernel), sources(sources), diagnostics(diagnostics),
        options(options), builder(module.getBodyRegion()) {
    builder.setInsertionPointToEnd(module.getBody());
  }

  LogicalResult run();

private:
  // What is refused.
  void refuse(SourceRange range, const llvm::Twine &what);
  LogicalResult check();

  // The interface.
  void emitSchedule(cascade::KernelOp op);
  void emitPreconditions(cascade::KernelOp op);
  void emitInputs();
  void emitParam(unsigned input);
  void emitRanks();
  void emitOutputs();
  std::string dimName(unsigned input, unsigned dim);

  // Nodes.
  Value value(NodeId root);
  void emitMarked(std::vector<bool> &needed);
  Value emit(NodeId id);
  Value emitMap(const Node &node, Location loc);
  Value emitChain(const Node &node, Location loc);
  Value emitAt(const Node &node, Location loc);
  Value map(cascade::Function fn, ValueRange operands, Location loc) {
    return cascade::MapOp::create(builder, loc, fn, operands);
  }

  Location loc(SourceRange range);
  Type storage(ElementType type);
  StringRef rank(RankId id) const { return kernel.ranks[id].name; }
  SmallVector<StringRef> rankNames(ArrayRef<RankId> ids) const {
    return llvm::map_to_vector(ids, [&](RankId id) { return rank(id); });
  }

  const ElaboratedKernel &kernel;
  const SourceManager &sources;
  ein::DiagnosticEngine &diagnostics;
  const EmitOptions &options;
  OpBuilder builder;
  std::vector<Value> values;       // of nodes
  std::vector<Value> arguments;    // of inputs: a tensor or a scalar field
  std::vector<StringRef> tensorOf; // the tensor that a node is the value of
  std::vector<std::pair<std::string, int64_t>> fixedDims; // rank, extent
  struct Shifted {
    std::string name;
    RankId rank;
    int64_t offset;
  };
  std::vector<Shifted> shiftedDims;
  bool failed = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// What the dialect does not say yet
//===----------------------------------------------------------------------===//

void Emitter::refuse(SourceRange range, const llvm::Twine &what) {
  failed = true;
  diagnostics.error(range, Rule::None, what + " cannot be lowered yet")
      .note("the kernel is correct Ein; `einfall check` accepts it");
}

LogicalResult Emitter::check() {
  if (kernel.gradient) {
    refuse(kernel.range, "`grad " + kernel.gradient->of + "`");
    return failure();
  }
  for (const InputInfo &input : kernel.inputs)
    if (input.packed)
      refuse(input.range, "the packed input `" + input.name + "`");
  for (const RankInfo &rank : kernel.ranks)
    if (rank.kind == ExtentKind::Ragged)
      refuse(rank.range, "the ragged rank `" + rank.name + "`");
  for (const TensorInfo &tensor : kernel.tensors) {
    if (tensor.definition == DefinitionKind::Recurrence)
      refuse(tensor.range, "the recurrence `" + tensor.name + "`");
    if (tensor.definition == DefinitionKind::Scatter)
      refuse(tensor.range,
             "an index expression on the left of `" + tensor.name + "`");
  }
  for (const Node &node : kernel.nodes)
    if (node.nodeKind == NodeKind::TopK || node.nodeKind == NodeKind::Select)
      refuse(node.range,
             node.nodeKind == NodeKind::TopK ? "`topk`" : "`select`");
  for (const ScheduleInfo &schedule : kernel.schedules)
    if (!schedule.shards.empty() &&
        (schedule.target.empty() || schedule.target == options.target))
      refuse(schedule.range, "`shard` over " + schedule.shards.front().over);
  return success(!failed);
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

Location Emitter::loc(SourceRange range) {
  std::optional<unsigned> id = sources.find(range.begin);
  if (!range.isValid() || !id)
    return builder.getUnknownLoc();
  LineColumn place = sources.getLineColumn(range.begin);
  return FileLineColLoc::get(builder.getStringAttr(sources.getName(*id)),
                             place.line, place.column);
}

Type Emitter::storage(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return builder.getF32Type();
  case ElementType::F16:
    return builder.getF16Type();
  case ElementType::BF16:
    return builder.getBF16Type();
  case ElementType::F8E4M3:
    return Float8E4M3FNType::get(builder.getContext());
  case ElementType::F8E5M2:
    return Float8E5M2Type::get(builder.getContext());
  case ElementType::Bool:
    return builder.getI1Type();
  default:
    return builder.getIntegerType(getBitWidth(type));
  }
}

void Emitter::emitSchedule(cascade::KernelOp op) {
  const ScheduleInfo *chosen = nullptr;
  for (const ScheduleInfo &schedule : kernel.schedules)
    if (schedule.target.empty() || schedule.target == options.target)
      chosen = &schedule;
  if (!chosen)
    return;
  SmallVector<NamedAttribute> entries, tiles;
  for (auto [id, size] : chosen->tiles)
    tiles.push_back(
        builder.getNamedAttr(rank(id), builder.getI64IntegerAttr(size)));
  if (!tiles.empty())
    entries.push_back(
        builder.getNamedAttr("tile", builder.getDictionaryAttr(tiles)));
  if (chosen->stages)
    entries.push_back(builder.getNamedAttr(
        "stages", builder.getI64IntegerAttr(*chosen->stages)));
  if (!entries.empty())
    op.setScheduleAttr(builder.getDictionaryAttr(entries));
}

void Emitter::emitPreconditions(cascade::KernelOp op) {
  SmallVector<Attribute> texts;
  for (const Precondition &precondition : kernel.preconditions)
    texts.push_back(builder.getStringAttr(
        precondition.monotone
            ? "monotone(" + kernel.inputs[*precondition.monotone].name + ")"
            : printNode(kernel, precondition.condition)));
  if (!texts.empty())
    op->setAttr("cascade.require", builder.getArrayAttr(texts));
}

/// The rank that stands for a dimension: the rank itself, or one of its own for
/// `s+1` (extent |s| + 1) and for `4`.
std::string Emitter::dimName(unsigned input, unsigned dim) {
  const InputDim &info = kernel.inputs[input].dims[dim];
  if (info.rank && info.offset == 0)
    return kernel.ranks[*info.rank].name;
  if (!info.rank) {
    std::string name = "extent_" + std::to_string(info.offset);
    if (llvm::none_of(fixedDims,
                      [&](auto &other) { return other.first == name; }))
      fixedDims.push_back({name, info.offset});
    return name;
  }
  std::string name = kernel.ranks[*info.rank].name +
                     (info.offset > 0 ? "_plus_" : "_minus_") +
                     std::to_string(std::abs(info.offset));
  if (llvm::none_of(shiftedDims,
                    [&](auto &other) { return other.name == name; }))
    shiftedDims.push_back({name, *info.rank, info.offset});
  return name;
}

/// In the order of declaration, so that arguments keep their positions.
void Emitter::emitInputs() {
  for (auto [i, input] : llvm::enumerate(kernel.inputs)) {
    if (input.dims.empty()) {
      emitParam(i);
      continue;
    }
    SmallVector<std::string> names;
    for (unsigned dim = 0; dim < input.dims.size(); ++dim)
      names.push_back(dimName(i, dim));
    auto type = cascade::ArgumentType::get(
        builder.getContext(), storage(input.type), input.dims.size());
    arguments[i] = cascade::InputOp::create(
        builder, loc(input.range), type, builder.getStringAttr(input.name),
        builder.getStrArrayAttr(
            SmallVector<StringRef>(names.begin(), names.end())),
        /*packed=*/StringAttr());
  }
}

void Emitter::emitParam(unsigned index) {
  const InputInfo &input = kernel.inputs[index];
  Value fallback = input.value == noNode ? Value() : value(input.value);
  ValueKind kind = getValueKind(input.type);
  auto type = cascade::FieldType::get(builder.getContext(),
                                      static_cast<cascade::Kind>(kind),
                                      ArrayRef<StringRef>{});
  arguments[index] = cascade::ParamOp::create(
      builder, loc(input.range), type, builder.getStringAttr(input.name),
      TypeAttr::get(storage(input.type)), fallback);
}

void Emitter::emitRanks() {
  auto declare = [&](SourceRange range, StringRef name, Value extent,
                     std::optional<int64_t> size) {
    cascade::RankOp::create(
        builder, loc(range), builder.getStringAttr(name), extent,
        size ? builder.getI64IntegerAttr(*size) : IntegerAttr());
  };
  auto integer = [&](int64_t number, Location where) -> Value {
    return cascade::ConstOp::create(builder, where, number);
  };
  for (auto &[name, extent] : fixedDims)
    declare(kernel.range, name, integer(extent, loc(kernel.range)),
            std::nullopt);
  for (const Shifted &shifted : shiftedDims) {
    const RankInfo &info = kernel.ranks[shifted.rank];
    // Either the dimension gives the rank its extent, or the other way round.
    bool binds = info.kind == ExtentKind::Shape && !info.constant &&
                 info.offset == shifted.offset &&
                 dimName(info.input, info.dim) == shifted.name;
    Location where = loc(info.range);
    Value extent = cascade::ExtentOp::create(
        builder, where,
        builder.getStringAttr(binds ? shifted.name : info.name));
    extent = map(binds ? cascade::Function::Sub : cascade::Function::Add,
                 {extent, integer(shifted.offset, where)}, where);
    declare(info.range, binds ? info.name : shifted.name, extent,
            binds ? info.defaultSize : std::nullopt);
  }
  for (const RankInfo &info : kernel.ranks) {
    bool shifted =
        info.kind == ExtentKind::Shape && info.offset != 0 && !info.constant;
    if (info.extent != noNode)
      declare(info.range, info.name, value(info.extent), std::nullopt);
    else if (info.constant)
      declare(info.range, info.name, integer(*info.constant, loc(info.range)),
              info.defaultSize);
    else if (info.defaultSize && !shifted)
      declare(info.range, info.name, Value(), info.defaultSize);
  }
}

void Emitter::emitOutputs() {
  std::vector<bool> needed(kernel.nodes.size(), false);
  for (const OutputInfo &output : kernel.outputs) {
    needed[kernel.tensors[output.tensor].value] = true;
    if (output.filler != noNode)
      needed[output.filler] = true;
  }
  emitMarked(needed);
  for (const OutputInfo &output : kernel.outputs)
    cascade::OutputOp::create(
        builder, loc(output.range), builder.getStringAttr(output.name),
        builder.getStrArrayAttr(rankNames(output.dims)),
        TypeAttr::get(storage(output.type)),
        values[kernel.tensors[output.tensor].value],
        output.filler == noNode ? Value() : values[output.filler]);
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// Emits the marked nodes and what they need. Operands have lower numbers, and
/// so have the values of tensors that are referred to: one sweep downwards
/// finds all.
void Emitter::emitMarked(std::vector<bool> &needed) {
  for (NodeId id = needed.size(); id-- > 0;) {
    if (!needed[id] || values[id])
      continue;
    const Node &node = kernel[id];
    for (NodeId operand : node.operands)
      needed[operand] = true;
    if (node.nodeKind == NodeKind::Ref)
      needed[kernel.tensors[node.index].value] = true;
  }
  for (NodeId id = 0; id < needed.size(); ++id)
    if (needed[id] && !values[id])
      values[id] = emit(id);
}

Value Emitter::value(NodeId root) {
  std::vector<bool> needed(root + 1, false);
  needed[root] = true;
  emitMarked(needed);
  return values[root];
}

Value Emitter::emit(NodeId id) {
  const Node &node = kernel[id];
  Location where = loc(node.range);
  if (!tensorOf[id].empty())
    where = NameLoc::get(builder.getStringAttr(tensorOf[id]), where);
  auto operand = [&](unsigned i) { return values[node.operands[i]]; };
  switch (node.nodeKind) {
  case NodeKind::Coord:
    return cascade::CoordOp::create(builder, where,
                                    builder.getStringAttr(rank(node.index)));
  case NodeKind::Extent:
    return cascade::ExtentOp::create(builder, where,
                                     builder.getStringAttr(rank(node.index)));
  case NodeKind::Const:
    if (node.kind == ValueKind::Real)
      return cascade::ConstOp::create(builder, where, node.real);
    if (node.kind == ValueKind::Int)
      return cascade::ConstOp::create(builder, where, node.integer);
    return cascade::ConstOp::create(builder, where, node.integer != 0);
  case NodeKind::Param:
    return arguments[node.index];
  case NodeKind::Read: {
    SmallVector<Value> indices;
    for (NodeId index : node.operands)
      indices.push_back(values[index]);
    return cascade::ReadOp::create(builder, where, arguments[node.index],
                                   indices);
  }
  case NodeKind::Ref:
    return values[kernel.tensors[node.index].value];
  case NodeKind::Map:
    return emitMap(node, where);
  case NodeKind::Sum:
  case NodeKind::Product:
    return emitChain(node, where);
  case NodeKind::Where:
    return cascade::WhereOp::create(builder, where, operand(0), operand(1));
  case NodeKind::OrElse:
    return cascade::OrElseOp::create(builder, where, operand(0), operand(1));
  case NodeKind::At:
    return emitAt(node, where);
  case NodeKind::Reduce: {
    cascade::Monoid monoid;
    switch (node.reduce) {
    case ReduceFn::Sum:
      monoid = cascade::Monoid::Sum;
      break;
    case ReduceFn::Max:
      monoid = cascade::Monoid::Max;
      break;
    case ReduceFn::Min:
      monoid = cascade::Monoid::Min;
      break;
    case ReduceFn::Any:
      monoid = cascade::Monoid::Any;
      break;
    case ReduceFn::All:
      monoid = cascade::Monoid::All;
      break;
    case ReduceFn::Count:
      monoid = cascade::Monoid::Count;
      break;
    case ReduceFn::ArgMax:
      monoid = cascade::Monoid::ArgMax;
      break;
    }
    return cascade::ReduceOp::create(builder, where, monoid,
                                     rankNames(node.over), operand(0));
  }
  case NodeKind::TopK:
  case NodeKind::Select:
    break; // check() has refused them
  }
  llvm_unreachable("refused before");
}

/// A sum or product of n operands as binary maps from left to right.
Value Emitter::emitChain(const Node &node, Location where) {
  Value result;
  for (auto [i, id] : llvm::enumerate(node.operands)) {
    Value operand = values[id];
    cascade::Function fn;
    switch (node.ops[i]) {
    case MapFn::Sub:
      fn = cascade::Function::Sub;
      break;
    case MapFn::Mul:
      fn = cascade::Function::Mul;
      break;
    case MapFn::Div:
      fn = cascade::Function::Div;
      break;
    case MapFn::FloorDiv:
      fn = cascade::Function::FloorDiv;
      break;
    default:
      fn = cascade::Function::Add;
      break;
    }
    if (!result)
      result = fn == cascade::Function::Sub
                   ? map(cascade::Function::Neg, operand, where)
                   : operand;
    else
      result = map(fn, {result, operand}, where);
  }
  return result;
}

Value Emitter::emitMap(const Node &node, Location where) {
  using cascade::Function;
  SmallVector<Value> operands;
  for (NodeId operand : node.operands)
    operands.push_back(values[operand]);
  auto chain = [&](Function fn) {
    Value result = operands[0];
    for (Value operand : llvm::drop_begin(operands))
      result = map(fn, {result, operand}, where);
    return result;
  };
  auto whole = [&](Function fn) {
    return map(Function::ToInt, map(fn, operands, where), where);
  };
  switch (node.fn) {
  case MapFn::Add:
    return chain(Function::Add);
  case MapFn::Sub:
    return chain(Function::Sub);
  case MapFn::Mul:
    return chain(Function::Mul);
  case MapFn::Div:
    return chain(Function::Div);
  case MapFn::FloorDiv:
    return chain(Function::FloorDiv);
  case MapFn::Max:
    return chain(Function::Max);
  case MapFn::Min:
    return chain(Function::Min);
  case MapFn::And:
    return chain(Function::And);
  case MapFn::Or:
    return chain(Function::Or);
  case MapFn::Mod:
    return map(Function::Mod, operands, where);
  case MapFn::Neg:
    return map(Function::Neg, operands, where);
  case MapFn::Abs:
    return map(Function::Abs, operands, where);
  case MapFn::Pow:
    return map(Function::Pow, operands, where);
  case MapFn::Exp:
    return map(Function::Exp, operands, where);
  case MapFn::Log:
    return map(Function::Log, operands, where);
  case MapFn::Sqrt:
    return map(Function::Sqrt, operands, where);
  case MapFn::Tanh:
    return map(Function::Tanh, operands, where);
  case MapFn::Sin:
    return map(Function::Sin, operands, where);
  case MapFn::Cos:
    return map(Function::Cos, operands, where);
  case MapFn::Erf:
    return map(Function::Erf, operands, where);
  case MapFn::Floor:
    return whole(Function::Floor);
  case MapFn::Ceil:
    return whole(Function::Ceil);
  case MapFn::Round:
    return whole(Function::Round);
  case MapFn::Eq:
    return map(Function::Eq, operands, where);
  case MapFn::Ne:
    return map(Function::Ne, operands, where);
  case MapFn::Lt:
    return map(Function::Lt, operands, where);
  case MapFn::Le:
    return map(Function::Le, operands, where);
  case MapFn::Gt:
    return map(Function::Gt, operands, where);
  case MapFn::Ge:
    return map(Function::Ge, operands, where);
  case MapFn::Not:
    return map(Function::Not, operands, where);
  case MapFn::Select:
    return map(Function::Select, operands, where);
  case MapFn::ToReal:
    return map(Function::ToReal, operands, where);
  }
  llvm_unreachable("every function is mapped");
}

/// A rank that the value does not range over is not substituted; what is left
/// of the access is that its index lies inside.
Value Emitter::emitAt(const Node &node, Location where) {
  Value result = values[node.operands[0]];
  SmallVector<StringRef> ranks;
  SmallVector<Value> indices;
  SmallVector<std::pair<RankId, Value>> loose;
  for (auto [i, id] : llvm::enumerate(node.over)) {
    Value index = values[node.operands[i + 1]];
    if (cascade::fieldType(result).hasRank(rank(id))) {
      ranks.push_back(rank(id));
      indices.push_back(index);
    } else {
      loose.push_back({id, index});
    }
  }
  if (!ranks.empty())
    result = cascade::AtOp::create(builder, where, result,
                                   builder.getStrArrayAttr(ranks), indices);
  for (auto [id, index] : loose) {
    Value zero = cascade::ConstOp::create(builder, where, int64_t(0));
    Value extent = cascade::ExtentOp::create(builder, where,
                                             builder.getStringAttr(rank(id)));
    Value above = map(cascade::Function::Ge, {index, zero}, where);
    Value below = map(cascade::Function::Lt, {index, extent}, where);
    Value inside = map(cascade::Function::And, {above, below}, where);
    result = cascade::WhereOp::create(builder, where, result, inside);
  }
  return result;
}

LogicalResult Emitter::run() {
  if (mlir::failed(check()))
    return failure();
  values.resize(kernel.nodes.size());
  arguments.resize(kernel.inputs.size());
  tensorOf.resize(kernel.nodes.size());
  // The first tensor to have a value names it; references are no values.
  for (const TensorInfo &tensor : kernel.tensors)
    if (tensorOf[tensor.value].empty() &&
        kernel[tensor.value].nodeKind != NodeKind::Ref)
      tensorOf[tensor.value] = tensor.name;
  auto op = cascade::KernelOp::create(builder, loc(kernel.range), kernel.name,
                                      /*schedule=*/DictionaryAttr());
  builder.setInsertionPointToStart(&op.getBody().emplaceBlock());
  emitSchedule(op);
  emitPreconditions(op);
  emitInputs();
  emitRanks();
  emitOutputs();
  return success();
}

LogicalResult einfall::ein::emitCascade(ModuleOp module,
                                        const ElaboratedKernel &kernel,
                                        const SourceManager &sources,
                                        ein::DiagnosticEngine &diagnostics,
                                        const EmitOptions &options) {
  return Emitter(module, kernel, sources, diagnostics, options).run();
}

FailureOr<OwningOpRef<ModuleOp>> einfall::ein::emitCascade(
    MLIRContext &context, const Program &program, const SourceManager &sources,
    ein::DiagnosticEngine &diagnostics, const EmitOptions &options) {
  context.loadDialect<cascade::CascadeDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  bool ok = true;
  for (const ElaboratedKernel &kernel : program.kernels)
    ok &=
        succeeded(emitCascade(*module, kernel, sources, diagnostics, options));
  if (!ok)
    return failure();
  return std::move(module);
}
