//===- Elaborate.cpp - Outputs, and a kernel as a whole -------------------===//

#include "frontend/sema/Elaborator.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

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
      checkPresence(param, tensor, left);
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
        (kernel[value].kind != want || !kernel[value].ranks.empty())) {
      auto builder = build.error(param.value->range, Rule::Type5,
                                 "the default of `" + info.name + "` is one " +
                                     getName(want));
      proposeExtent(builder, param.value);
    }
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
  build.shareLeaves();
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
