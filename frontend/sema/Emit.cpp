//===- Emit.cpp - From elaborated kernels to the cascade dialect ----------===//

#include "frontend/sema/Emitter.h"

using namespace einfall;
using namespace einfall::ein;
using namespace mlir;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

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
  case ElementType::U4:
  case ElementType::U2:
    return builder.getIntegerType(getBitWidth(type), /*isSigned=*/false);
  default:
    return builder.getIntegerType(getBitWidth(type));
  }
}

mlir::DictionaryAttr Emitter::scheduleOf(const ScheduleInfo &schedule) {
  SmallVector<NamedAttribute> entries, tiles;
  for (auto [id, size] : schedule.tiles)
    tiles.push_back(
        builder.getNamedAttr(rank(id), builder.getI64IntegerAttr(size)));
  if (!tiles.empty())
    entries.push_back(
        builder.getNamedAttr("tile", builder.getDictionaryAttr(tiles)));
  if (schedule.stages)
    entries.push_back(builder.getNamedAttr(
        "stages", builder.getI64IntegerAttr(*schedule.stages)));
  SmallVector<Attribute> shards;
  for (const ShardInfo &shard : schedule.shards)
    shards.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("over", builder.getStringAttr(shard.over)),
         builder.getNamedAttr(
             "ranks", builder.getStrArrayAttr(rankNames(shard.ranks)))}));
  if (!shards.empty())
    entries.push_back(
        builder.getNamedAttr("shard", builder.getArrayAttr(shards)));
  return builder.getDictionaryAttr(entries);
}

void Emitter::emitPreconditions(cascade::KernelOp op) {
  SmallVector<Attribute> texts;
  for (const Precondition &precondition : kernel.preconditions)
    texts.push_back(builder.getStringAttr(
        precondition.property ? getName(*precondition.property).str() + "(" +
                                    kernel.inputs[precondition.input].name + ")"
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
        input.packed ? builder.getStringAttr(rank(*input.packed))
                     : StringAttr());
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

/// Preconditions as fields of truth values.
void Emitter::emitRequirements() {
  for (const Precondition &precondition : kernel.preconditions) {
    Location where = loc(precondition.range);
    Value condition;
    if (precondition.property) {
      condition =
          emitProperty(*precondition.property, precondition.input, where);
    } else {
      inPrecondition = true;
      condition = value(precondition.condition);
      inPrecondition = false;
    }
    cascade::RequireOp::create(builder, where, condition);
  }
}

Value Emitter::emitProperty(Property property, unsigned input, Location where) {
  using cascade::Function;
  SmallVector<Value> at;
  for (unsigned dim = 0; dim < kernel.inputs[input].dims.size(); ++dim)
    at.push_back(cascade::CoordOp::create(
        builder, where, builder.getStringAttr(dimName(input, dim))));
  auto read = [&]() -> Value {
    return cascade::ReadOp::create(builder, where, arguments[input], at);
  };
  Value one = cascade::ConstOp::create(builder, where, int64_t(1));
  Value last = at.back();
  switch (property) {
  case Property::Monotone: {
    // Beyond the end the next element does not exist.
    Value here = read();
    at.back() = map(Function::Add, {last, one}, where);
    return map(Function::Le, {here, read()}, where);
  }
  case Property::Permutation: {
    // Every coordinate is named once.
    std::string rank = dimName(input, kernel.inputs[input].dims.size() - 1);
    Value again =
        cascade::CoordOp::create(builder, where, builder.getStringAttr(rank));
    Value names = map(Function::Eq,
                      {read(), cascade::CoordOp::create(
                                   builder, where,
                                   builder.getStringAttr(permutedRank(rank)))},
                      where);
    Value named = cascade::WhereOp::create(builder, where, again, names);
    Value count = cascade::ReduceOp::create(
        builder, where, cascade::Monoid::Count, {rank}, named);
    return map(Function::Eq, {count, one}, where);
  }
  }
  llvm_unreachable("every property is emitted");
}

void Emitter::emitOutputs() {
  SmallVector<NodeId> roots;
  for (const OutputInfo &output : kernel.outputs) {
    const TensorInfo &tensor = kernel.tensors[output.tensor];
    roots.push_back(tensor.value);
    roots.append(tensor.left.begin(), tensor.left.end());
    if (output.filler != noNode)
      roots.push_back(output.filler);
  }
  emitAll(roots);
  for (const OutputInfo &output : kernel.outputs) {
    const TensorInfo &tensor = kernel.tensors[output.tensor];
    Location where = loc(output.range);
    Value stored = get(tensor.value);
    SmallVector<Value> indices;
    for (NodeId index : tensor.left)
      indices.push_back(get(index));
    // What a ragged rank lacks is not stored.
    RankSet ranks = kernel[tensor.value].ranks;
    for (NodeId index : tensor.left)
      ranks = unite(ranks, kernel[index].ranks);
    if (indices.empty())
      ranks.assign(output.dims.begin(), output.dims.end());
    for (RankId rank : ranks)
      stored = within(rank, stored, where);
    cascade::OutputOp::create(
        builder, where, builder.getStringAttr(output.name),
        builder.getStrArrayAttr(rankNames(output.dims)),
        TypeAttr::get(storage(output.type)), stored,
        output.filler == noNode ? Value() : get(output.filler), indices);
  }
}

LogicalResult Emitter::run() {
  if (mlir::failed(check()))
    return failure();
  arguments.resize(kernel.inputs.size());
  tensorOf.resize(kernel.nodes.size());
  // The first tensor to have a value names it; references are no values.
  for (const TensorInfo &tensor : kernel.tensors)
    if (tensor.value != noNode && tensorOf[tensor.value].empty() &&
        kernel[tensor.value].nodeKind != NodeKind::Ref)
      tensorOf[tensor.value] = tensor.name;
  auto op = cascade::KernelOp::create(builder, loc(kernel.range), kernel.name,
                                      /*schedule=*/DictionaryAttr());
  builder.setInsertionPointToStart(&op.getBody().emplaceBlock());
  SmallVector<cascade::TargetedSchedule> schedules;
  for (const ScheduleInfo &schedule : kernel.schedules)
    schedules.push_back({schedule.target, scheduleOf(schedule)});
  cascade::setSchedules(op, schedules);
  emitPreconditions(op);
  emitInputs();
  emitRanks();
  emitRequirements();
  emitOutputs();
  return success(!failed);
}

LogicalResult einfall::ein::emitCascade(ModuleOp module,
                                        const ElaboratedKernel &kernel,
                                        const SourceManager &sources,
                                        ein::DiagnosticEngine &diagnostics) {
  return Emitter(module, kernel, sources, diagnostics).run();
}

FailureOr<OwningOpRef<ModuleOp>>
einfall::ein::emitCascade(MLIRContext &context, const Program &program,
                          const SourceManager &sources,
                          ein::DiagnosticEngine &diagnostics) {
  context.loadDialect<cascade::CascadeDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  bool ok = true;
  for (const ElaboratedKernel &kernel : program.kernels)
    ok &= succeeded(emitCascade(*module, kernel, sources, diagnostics));
  if (!ok)
    return failure();
  return std::move(module);
}
