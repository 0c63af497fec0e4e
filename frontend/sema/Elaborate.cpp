//===- Elaborate.cpp - Outputs, and a kernel as a whole -------------------===//

#include "frontend/sema/Elaborator.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

static StringRef describe(AbsenceCause cause) {
  switch (cause) {
  case AbsenceCause::Condition:
    return "a coordinate that this condition excludes does not exist";
  case AbsenceCause::Outside:
    return "this access may lie outside of the tensor and does not exist then";
  case AbsenceCause::Nothing:
    return "this is absent where there is nothing to reduce";
  case AbsenceCause::Selection:
    return "a selection may have fewer entries than places";
  case AbsenceCause::Scatter:
    return "no equation may write some coordinates";
  case AbsenceCause::Other:
    return "because of this";
  }
  return "";
}

/// Whether the reduction at `range` is a minimum.
static bool isLeast(const ElaboratedKernel &kernel, SourceRange range) {
  return llvm::any_of(kernel.nodes, [&](const Node &node) {
    return node.nodeKind == NodeKind::Reduce && node.reduce == ReduceFn::Min &&
           node.range.begin == range.begin && node.range.end == range.end;
  });
}

void Elaborator::defineOutputs(Env &env) {
  for (const Param &param : env.scope.kernel->outputs) {
    OutputInfo info;
    info.name = param.name.name.str();
    info.range = param.name.range;
    std::optional<ElementType> type = parseElementType(param.type.name);
    if (!type) {
      unknownType(param.type);
      continue;
    }
    if (getBitWidth(*type) < 8) {
      build.error(param.type.range, Rule::Type4,
                  "an output is not stored as `" + param.type.name + "`");
      continue;
    }
    if (param.packed.range.isValid())
      build.error(param.packed.range, Rule::Type4, "an output is not packed");
    if (param.value)
      build.error(param.value->range, Rule::Syn1, "an output has no default")
          .remedy("a filler is written `else value`");
    info.type = *type;
    const Value &value = env.tensors[param.name.name];
    if (value.kind != Value::Tensor) {
      // An operand failed, which is reported where it did.
      if (!build.hadError())
        build.error(param.name.range, Rule::Tensor4,
                    "the output `" + info.name + "` has no value");
      continue;
    }
    info.tensor = value.tensor;
    for (const Group &dim : value.dims)
      info.dims.append(dim.begin(), dim.end());
    RankSet ranks(info.dims.begin(), info.dims.end());
    llvm::sort(ranks);
    TensorInfo &tensor = kernel.tensors[info.tensor];
    ValueKind want = getValueKind(*type);
    if (tensor.kind == ValueKind::Int && want == ValueKind::Real) {
      NodeId real = build.toReal(tensor.value);
      if (real == noNode)
        continue;
      kernel.tensors[info.tensor].value = real;
      kernel.tensors[info.tensor].kind = want;
    } else if (tensor.kind != want) {
      auto builder = build.error(
          param.type.range, Rule::Type5,
          "the output `" + info.name + "` is stored as " + getName(*type) +
              ", its value is a " + getName(tensor.kind));
      builder.note(tensor.range, "defined here");
      if (want == ValueKind::Int)
        builder.remedy("write `floor(...)` or `round(...)`");
      continue;
    }
    PresenceId left = build.presence.simplify(
        kernel[kernel.tensors[info.tensor].value].presence, ranks);
    AbsenceCause cause = AbsenceCause::Scatter;
    SourceRange where = tensor.range;
    if (left)
      std::tie(cause, where) = build.presence.explain(left);
    bool scatter =
        kernel.tensors[info.tensor].definition == DefinitionKind::Scatter;
    if (param.filler) {
      NodeId filler = expr(param.filler, env);
      if (want == ValueKind::Real)
        filler = build.toReal(filler);
      if (filler != noNode &&
          (kernel[filler].kind != want || !kernel[filler].ranks.empty()))
        build.error(param.filler->range, Rule::Abs4,
                    "the filler of `" + info.name + "` is one " +
                        getName(want));
      info.filler = filler;
    } else if (left || scatter) {
      auto builder = build.error(param.name.range, Rule::Abs4,
                                 "the output `" + info.name +
                                     "` may be absent and declares no filler");
      builder.note(where, describe(cause));
      StringRef filler = want == ValueKind::Bool  ? "false"
                         : want == ValueKind::Int ? "-1"
                         : cause == AbsenceCause::Nothing
                             ? (isLeast(kernel, where) ? "inf" : "-inf")
                             : "0";
      builder.remedy("declare `" + info.name +
                     (param.dims.empty() ? ": " : "[...]: ") + getName(*type) +
                     " else " + filler +
                     "`, or give the value with "
                     "`or_else(x, v)`");
      builder.fix("write `else " + filler + "`",
                  {{{param.type.range.end, param.type.range.end},
                    (" else " + filler).str()}});
    }
    kernel.outputs.push_back(std::move(info));
  }
}

bool Elaborator::run(Scope &scope, ArrayRef<RankBinding> fileDefaults) {
  kernel.name = scope.kernel->name.name.str();
  kernel.range = scope.kernel->name.range;
  Env env{scope, "", {}, {}};
  declareInputs(env);
  for (const Param &output : scope.kernel->outputs)
    names[output.name.name] = 0;
  declareRanks(env);
  declareDims(env);
  bindExtents(env);
  for (auto [i, param] : llvm::enumerate(scope.kernel->inputs)) {
    InputInfo &info = kernel.inputs[i];
    if (param.filler)
      build.error(param.filler->range, Rule::Syn1, "an input has no filler")
          .remedy("a default is written `= value`");
    if (!param.value)
      continue;
    if (!info.dims.empty()) {
      build.error(param.value->range, Rule::Syn1,
                  "only a scalar input has a default");
      continue;
    }
    NodeId before = kernel.nodes.size();
    NodeId value = expr(param.value, env);
    ValueKind want = getValueKind(info.type);
    if (want == ValueKind::Real)
      value = build.toReal(value);
    if (value != noNode &&
        (kernel[value].kind != want || !kernel[value].ranks.empty()))
      build.error(param.value->range, Rule::Type5,
                  "the default of `" + info.name + "` is one " + getName(want));
    for (NodeId id = before; id < kernel.nodes.size(); ++id)
      if (kernel.nodes[id].nodeKind == NodeKind::Param &&
          kernel.nodes[id].index >= i)
        build.error(kernel.nodes[id].range, Rule::Name1,
                    "the default of `" + info.name +
                        "` uses a scalar that is not declared before it");
    info.value = value;
  }
  bindDefaults(env, fileDefaults);
  checkPreconditions(env);
  for (const TensorSymbol *symbol : scope.order)
    if (symbol->kind == TensorKind::Recurrence)
      declareRecurrence(*symbol, env);
  for (const TensorSymbol *symbol : scope.order)
    defineTensor(*symbol, env);
  defineOutputs(env);
  return !build.hadError();
}

bool einfall::ein::elaborate(ElaboratedKernel &kernel, Scope &scope,
                             const DefScopes &defs,
                             const llvm::StringMap<int64_t> &defines,
                             ArrayRef<RankBinding> fileDefaults,
                             DiagnosticEngine &diagnostics) {
  return Elaborator(kernel, defs, defines, diagnostics)
      .run(scope, fileDefaults);
}
