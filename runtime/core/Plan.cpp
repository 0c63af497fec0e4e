//===- Plan.cpp - How a kernel is launched, as data -----------------------===//

#include "runtime/core/Plan.h"

#include "runtime/core/Bytes.h"

#include <algorithm>

using namespace einfall::runtime;

std::string einfall::runtime::typeName(EinfallDataType type) {
  std::string bits = std::to_string(type.bits);
  switch (type.code) {
  case EINFALL_INT:
    return "i" + bits;
  case EINFALL_UINT:
    return "u" + bits;
  case EINFALL_FLOAT:
    return "f" + bits;
  case EINFALL_BFLOAT:
    return "bf" + bits;
  case EINFALL_BOOL:
    return "bool";
  case EINFALL_FLOAT8_E4M3FN:
    return "f8e4m3";
  case EINFALL_FLOAT8_E5M2:
    return "f8e5m2";
  default:
    return "type " + std::to_string(type.code) + " of " + bits + " bits";
  }
}

EinfallDataType einfall::runtime::typeNamed(std::string_view name) {
  constexpr EinfallDataType types[] = {
      {EINFALL_BFLOAT, 16, 1},       {EINFALL_FLOAT, 16, 1},
      {EINFALL_FLOAT, 32, 1},        {EINFALL_FLOAT, 64, 1},
      {EINFALL_FLOAT8_E4M3FN, 8, 1}, {EINFALL_FLOAT8_E5M2, 8, 1},
      {EINFALL_INT, 8, 1},           {EINFALL_INT, 16, 1},
      {EINFALL_INT, 32, 1},          {EINFALL_INT, 64, 1},
      {EINFALL_UINT, 8, 1},          {EINFALL_UINT, 16, 1},
      {EINFALL_UINT, 32, 1},         {EINFALL_BOOL, 8, 1}};
  for (EinfallDataType type : types)
    if (typeName(type) == name)
      return type;
  return {};
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

static unsigned operandCount(Step::Kind kind) {
  return kind <= Step::Extent ? 0 : kind == Step::Negate ? 1 : 2;
}

/// Whether it is one whole expression over `ranks` ranks.
static bool isSound(const Expression &expression, size_t ranks) {
  unsigned depth = 0;
  for (const Step &step : expression) {
    if (step.kind > Step::Negate || depth < operandCount(step.kind))
      return false;
    if (step.kind == Step::Extent &&
        (step.value < 0 || static_cast<size_t>(step.value) >= ranks))
      return false;
    depth += 1 - operandCount(step.kind);
  }
  return depth == 1;
}

std::optional<int64_t> einfall::runtime::evaluate(const Expression &expression,
                                                  const int64_t *extents) {
  int64_t stack[maxSteps];
  unsigned depth = 0;
  for (const Step &step : expression) {
    if (operandCount(step.kind) == 0) {
      stack[depth++] =
          step.kind == Step::Constant ? step.value : extents[step.value];
      continue;
    }
    int64_t b = step.kind == Step::Negate ? 0 : stack[--depth];
    int64_t &a = stack[depth - 1];
    bool overflows = false;
    switch (step.kind) {
    case Step::Add:
      overflows = __builtin_add_overflow(a, b, &a);
      break;
    case Step::Sub:
      overflows = __builtin_sub_overflow(a, b, &a);
      break;
    case Step::Mul:
      overflows = __builtin_mul_overflow(a, b, &a);
      break;
    case Step::FloorDiv:
    case Step::Mod: {
      if (b == 0 || (a == INT64_MIN && b == -1))
        return std::nullopt;
      int64_t rest = a % b, quotient = a / b;
      bool below = rest != 0 && (rest < 0) != (b < 0);
      a = step.kind == Step::FloorDiv ? quotient - below
                                      : rest + (below ? b : 0);
      break;
    }
    case Step::Max:
      a = std::max(a, b);
      break;
    case Step::Min:
      a = std::min(a, b);
      break;
    default:
      overflows = __builtin_sub_overflow(int64_t(0), a, &a);
      break;
    }
    if (overflows)
      return std::nullopt;
  }
  return stack[0];
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

namespace {

struct Encoder : ByteWriter {
  template <typename T, typename Each>
  void list(const std::vector<T> &items, Each each) {
    number(static_cast<uint32_t>(items.size()));
    for (const T &item : items)
      each(item);
  }
  void type(EinfallDataType type) {
    number(type.code);
    number(type.bits);
  }
  void texts(const std::vector<std::string> &items) {
    list(items, [&](const std::string &item) { text(item); });
  }
  void version(const VersionPlan &plan) {
    text(plan.target);
    text(plan.architecture);
    texts(plan.features);
    list(plan.fixed, [&](const FixedExtent &fixed) {
      number(fixed.rank);
      number(fixed.extent);
    });
    text(plan.note);
    text(plan.entry);
    number(plan.image);
    number(plan.ptx);
    number(plan.cubin);
    list(plan.then, [&](const ProgramPlan &program) {
      text(program.entry);
      number(program.image);
    });
  }
  void kernel(const KernelPlan &plan) {
    text(plan.name);
    list(plan.ranks, [&](const RankPlan &rank) {
      text(rank.name);
      list(rank.extent, [&](const Step &step) {
        number(static_cast<uint8_t>(step.kind));
        number(step.value);
      });
    });
    list(plan.tensors, [&](const TensorPlan &tensor) {
      text(tensor.name);
      type(tensor.type);
      number(static_cast<uint8_t>(tensor.isOutput));
      list(tensor.dims, [&](uint32_t rank) { number(rank); });
    });
    list(plan.params, [&](const ParamPlan &param) {
      text(param.name);
      type(param.type);
      number(static_cast<uint8_t>(param.hasDefault));
    });
    list(plan.preconditions, [&](const Precondition &precondition) {
      text(precondition.text);
      list(precondition.steps, [&](const ConditionStep &step) {
        number(static_cast<uint8_t>(step.kind));
        number(static_cast<uint8_t>(step.type));
        number(step.value);
      });
    });
    list(plan.versions, [&](const VersionPlan &v) { version(v); });
  }
};

struct Decoder : ByteReader {
  using ByteReader::ByteReader;

  template <typename T, typename Each>
  void list(std::vector<T> &items, size_t size, uint32_t most, Each each) {
    items.resize(count(size, most));
    for (T &item : items)
      if (!failed)
        each(item);
  }
  void type(EinfallDataType &type) {
    type.code = number<uint8_t>();
    type.bits = number<uint8_t>();
    type.lanes = 1;
  }
  void texts(std::vector<std::string> &items) {
    list(items, 4, 1024, [&](std::string &item) { item = text(); });
  }
  void version(VersionPlan &plan) {
    plan.target = text();
    plan.architecture = text();
    texts(plan.features);
    list(plan.fixed, 12, maxRanks, [&](FixedExtent &fixed) {
      fixed.rank = number<uint32_t>();
      fixed.extent = number<int64_t>();
    });
    plan.note = text();
    plan.entry = text();
    plan.image = number<uint32_t>();
    plan.ptx = number<uint32_t>();
    plan.cubin = number<uint32_t>();
    list(plan.then, 8, maxPrograms - 1, [&](ProgramPlan &program) {
      program.entry = text();
      program.image = number<uint32_t>();
    });
  }
  void kernel(KernelPlan &plan) {
    plan.name = text();
    list(plan.ranks, 8, maxRanks, [&](RankPlan &rank) {
      rank.name = text();
      list(rank.extent, 9, maxSteps, [&](Step &step) {
        step.kind = static_cast<Step::Kind>(number<uint8_t>());
        step.value = number<int64_t>();
      });
    });
    list(plan.tensors, 11, maxTensors, [&](TensorPlan &tensor) {
      tensor.name = text();
      type(tensor.type);
      tensor.isOutput = number<uint8_t>();
      list(tensor.dims, 4, maxDimensions,
           [&](uint32_t &rank) { rank = number<uint32_t>(); });
    });
    list(plan.params, 7, maxParams, [&](ParamPlan &param) {
      param.name = text();
      type(param.type);
      param.hasDefault = number<uint8_t>();
    });
    list(plan.preconditions, 8, 1024, [&](Precondition &precondition) {
      precondition.text = text();
      list(precondition.steps, 10, maxSteps, [&](ConditionStep &step) {
        step.kind = static_cast<ConditionStep::Kind>(number<uint8_t>());
        step.type = static_cast<ValueType>(number<uint8_t>());
        step.value = number<int64_t>();
      });
    });
    list(plan.versions, 40, maxVersions, [&](VersionPlan &v) { version(v); });
  }
};

/// What in a kernel names things that are not there, or nothing.
std::optional<std::string> findFault(const KernelPlan &plan, uint32_t parts) {
  size_t strides = 0;
  bool outputs = false;
  for (const RankPlan &rank : plan.ranks)
    if (!rank.extent.empty() && !isSound(rank.extent, plan.ranks.size()))
      return "the extent of rank `" + rank.name + "` is no expression";
  for (const TensorPlan &tensor : plan.tensors) {
    strides += tensor.dims.size();
    if (outputs && !tensor.isOutput)
      return "input `" + tensor.name + "` comes after an output";
    outputs |= tensor.isOutput;
    if (tensor.type.bits == 0 || tensor.type.bits % 8)
      return "the elements of `" + tensor.name + "` are no bytes";
    for (uint32_t rank : tensor.dims)
      if (rank >= plan.ranks.size())
        return "`" + tensor.name + "` has a rank that is not there";
  }
  if (strides > maxStrides)
    return "its tensors have " + std::to_string(strides) +
           " dimensions, at most " + std::to_string(maxStrides) +
           " are possible";
  for (const Precondition &precondition : plan.preconditions)
    if (!precondition.steps.empty() &&
        !isSound(precondition.steps, plan.ranks.size(), plan.params.size()))
      return "the precondition `" + precondition.text + "` is no condition";
  for (const VersionPlan &version : plan.versions) {
    for (const FixedExtent &fixed : version.fixed)
      if (fixed.rank >= plan.ranks.size())
        return "a version fixes a rank that is not there";
    if (version.image == 0 || version.image >= parts || version.ptx >= parts ||
        version.cubin >= parts)
      return "a version names a part that is not there";
    for (const ProgramPlan &program : version.then)
      if (program.image == 0 || program.image >= parts)
        return "a version names a part that is not there";
  }
  return std::nullopt;
}

} // namespace

std::string einfall::runtime::encode(const Plan &plan) {
  Encoder encoder;
  encoder.text(plan.producer);
  encoder.list(plan.kernels, [&](const KernelPlan &k) { encoder.kernel(k); });
  encoder.number(plan.source);
  encoder.text(plan.sourceName);
  return std::move(encoder.out);
}

std::optional<Plan> einfall::runtime::decode(std::string_view bytes,
                                             uint32_t parts,
                                             std::string &error) {
  Decoder decoder(bytes);
  Plan plan;
  plan.producer = decoder.text();
  decoder.list(plan.kernels, 24, maxKernels,
               [&](KernelPlan &k) { decoder.kernel(k); });
  plan.source = decoder.number<uint32_t>();
  plan.sourceName = decoder.text();
  if (decoder.failed || decoder.at != bytes.size()) {
    error = "the launch plan is damaged at its byte " +
            std::to_string(decoder.at) + " of " + std::to_string(bytes.size());
    return std::nullopt;
  }
  for (const KernelPlan &kernel : plan.kernels)
    if (std::optional<std::string> fault = findFault(kernel, parts)) {
      error = "the launch plan of kernel `" + kernel.name +
              "` is unsound: " + *fault;
      return std::nullopt;
    }
  if (plan.source >= parts) {
    error =
        "the launch plan is unsound: its source is a part that is not there";
    return std::nullopt;
  }
  return plan;
}
