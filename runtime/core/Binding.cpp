//===- Binding.cpp - Arguments of a launch, checked -----------------------===//

#include "runtime/core/Binding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

using namespace einfall::runtime;

static std::string quoted(const std::string &name) { return "`" + name + "`"; }

/// The position of `name` among `items`, or their number.
template <typename T>
static size_t position(const std::vector<T> &items, const char *name) {
  size_t i = 0;
  while (i < items.size() && items[i].name != name)
    ++i;
  return i;
}

template <typename T> static std::string names(const std::vector<T> &items) {
  std::string text;
  for (const T &item : items)
    text += (text.empty() ? "" : ", ") + item.name;
  return text.empty() ? "none" : text;
}

bool MemoryPlace::reaches(EinfallDevice device) const {
  if (type != EINFALL_DEVICE_CUDA)
    return device.device_type == type;
  // Pinned memory of the host and managed memory have no device of their own.
  return device.device_type == EINFALL_DEVICE_CUDA
             ? device.device_id == id
             : device.device_type == EINFALL_DEVICE_CUDA_HOST ||
                   device.device_type == EINFALL_DEVICE_CUDA_MANAGED;
}

std::string MemoryPlace::describe() const {
  switch (type) {
  case EINFALL_DEVICE_HOST:
    return "memory of the host";
  case EINFALL_DEVICE_CUDA:
    return "memory of CUDA device " + std::to_string(id);
  case EINFALL_DEVICE_CUDA_HOST:
    return "pinned memory of CUDA";
  case EINFALL_DEVICE_CUDA_MANAGED:
    return "managed memory of CUDA";
  default:
    return "memory of device type " + std::to_string(type);
  }
}

Status Binding::bindExtent(const KernelPlan &plan, uint32_t rank,
                           int64_t extent, const TensorPlan *source) {
  // Offsets of elements must fit into 64 bits, with room for a few sums.
  bool isSound = extent >= 0 && extent <= (int64_t(1) << 56);
  if (isSound && (extents[rank] < 0 || extents[rank] == extent)) {
    extents[rank] = extent;
    return Status::success();
  }
  std::string found = std::to_string(extent) +
                      (source ? " in " + source->name : " by its definition");
  std::string text = "rank " + quoted(plan.ranks[rank].name) + " has extent ";
  if (isSound)
    text += std::to_string(extents[rank]) + " in " +
            plan.tensors[sources[rank]].name + " but ";
  return Status::invalid(text + found);
}

/// Whether no two elements share memory and no stride is negative; sufficient,
/// and true of all layouts that permute or pad dimensions.
static bool isInjective(unsigned count, const int64_t *shape,
                        const int64_t *strides) {
  unsigned order[maxDimensions];
  for (unsigned i = 0; i < count; ++i) {
    if (shape[i] == 0)
      return true;
    order[i] = i;
  }
  std::sort(order, order + count,
            [&](unsigned a, unsigned b) { return strides[a] < strides[b]; });
  __int128 reach = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (shape[order[i]] == 1)
      continue;
    if (strides[order[i]] <= reach)
      return false;
    reach += __int128(strides[order[i]]) * (shape[order[i]] - 1);
  }
  return true;
}

Status Binding::bindTensor(const TensorPlan &tensor, const EinfallTensor &given,
                           int64_t *tensorStrides, bool withData,
                           unsigned number, const KernelPlan &plan,
                           MemoryPlace place) {
  // Texts are made only for what is refused: a launch allocates nothing.
  auto name = [&] { return quoted(tensor.name); };
  auto count = static_cast<int32_t>(tensor.dims.size());
  if (given.ndim != count) {
    std::string dims;
    for (uint32_t rank : tensor.dims)
      dims += (dims.empty() ? "" : ", ") + plan.ranks[rank].name;
    return Status::invalid(name() + " is given with " +
                           std::to_string(given.ndim) +
                           " dimensions, the kernel has " +
                           std::to_string(count) + ": [" + dims + "]");
  }
  if (given.dtype.code != tensor.type.code ||
      given.dtype.bits != tensor.type.bits || given.dtype.lanes != 1) {
    std::string lanes =
        given.dtype.lanes == 1
            ? ""
            : ", in groups of " + std::to_string(given.dtype.lanes);
    return Status::invalid(name() + " is given as " + typeName(given.dtype) +
                           lanes + ", the kernel has " + typeName(tensor.type) +
                           "; convert its elements first");
  }
  if (!place.reaches(given.device))
    return Status::invalid(
        name() + " lies in " +
        MemoryPlace{given.device.device_type, given.device.device_id}
            .describe() +
        ", this kernel reads " + place.describe());
  if (count && !given.shape)
    return Status::invalid(name() + " has no shape");
  int64_t dense = 1;
  bool isEmpty = false;
  for (int32_t i = count - 1; i >= 0; --i) {
    uint32_t rank = tensor.dims[i];
    int64_t extent = given.shape[i];
    bool isNew = extents[rank] < 0;
    Status status = bindExtent(plan, rank, extent, &tensor);
    if (!status.ok())
      return status;
    if (isNew)
      sources[rank] = number;
    tensorStrides[i] = given.strides ? given.strides[i] : dense;
    isEmpty |= extent == 0;
    if (!given.strides &&
        __builtin_mul_overflow(dense, std::max<int64_t>(extent, 1), &dense))
      return Status::invalid(name() + " has more elements than 64 bits count");
  }
  if (tensor.isOutput && !isInjective(count, given.shape, tensorStrides))
    return Status::invalid("the strides of output " + name() +
                           " are negative or let elements share memory");
  // The first and the last byte, relative to the element at coordinate 0.
  __int128 low = 0, high = 0;
  for (int32_t i = 0; i < count; ++i) {
    __int128 last = __int128(given.shape[i] - 1) * tensorStrides[i];
    (last < 0 ? low : high) += last;
  }
  unsigned size = tensor.type.bits / 8;
  __int128 bytes = isEmpty ? 0 : (high - low + 1) * size;
  if (!isEmpty && (bytes > INT64_MAX || low * size < INT64_MIN))
    return Status::invalid(name() + " reaches beyond 64 bits of address");
  char *begin = static_cast<char *>(given.data) + given.byte_offset;
  data[number] = begin;
  ranges[number] = {begin + (isEmpty ? 0 : int64_t(low) * size),
                    uint64_t(bytes)};
  if (!withData)
    return Status::success();
  if (!given.data && !isEmpty)
    return Status::invalid(name() + " has no data");
  if (reinterpret_cast<uintptr_t>(begin) % size)
    return Status::invalid(name() + " is not aligned to its elements of " +
                           std::to_string(size) + " bytes");
  return Status::success();
}

Status Binding::bindParams(const KernelPlan &plan,
                           const EinfallArguments &arguments) {
  std::fill_n(params, plan.params.size(), nullptr);
  for (size_t i = 0; i < arguments.param_count; ++i) {
    const EinfallNamedParam &given = arguments.params[i];
    size_t number =
        given.name ? position(plan.params, given.name) : plan.params.size();
    if (number == plan.params.size())
      return Status::invalid("kernel " + quoted(plan.name) +
                             " has no parameter " +
                             quoted(given.name ? given.name : "(null)") +
                             "; it has " + names(plan.params));
    const ParamPlan &param = plan.params[number];
    if (params[number])
      return Status::invalid("parameter " + quoted(param.name) +
                             " is given twice");
    bool isInteger =
        param.type.code == EINFALL_INT || param.type.code == EINFALL_UINT;
    double limit = std::ldexp(1.0, param.type.bits - 1);
    if (isInteger && !(given.value == std::trunc(given.value) &&
                       given.value >= -limit && given.value < limit))
      return Status::invalid("parameter " + quoted(param.name) + " is " +
                             std::to_string(given.value) + ", the kernel has " +
                             typeName(param.type));
    values[number] = given.value;
    params[number] = &values[number];
  }
  for (size_t i = 0; i < plan.params.size(); ++i)
    if (!params[i] && !plan.params[i].hasDefault)
      return Status::invalid("parameter " + quoted(plan.params[i].name) +
                             " has no default and is not given");
  return Status::success();
}

Status Binding::checkOverlap(const KernelPlan &plan) const {
  auto begin = [&](size_t i) {
    return reinterpret_cast<uintptr_t>(ranges[i].begin);
  };
  for (size_t i = 0; i < plan.tensors.size(); ++i)
    for (size_t j = 0; j < plan.tensors.size(); ++j)
      if (i != j && plan.tensors[i].isOutput && ranges[i].bytes &&
          ranges[j].bytes && begin(i) < begin(j) + ranges[j].bytes &&
          begin(j) < begin(i) + ranges[i].bytes)
        return Status::invalid("output " + quoted(plan.tensors[i].name) +
                               " overlaps " + quoted(plan.tensors[j].name));
  return Status::success();
}

/// What a condition speaks of: "|m| = 0, scale = -1".
static std::string valuesOf(const Precondition &precondition,
                            const KernelPlan &plan, const int64_t *extents,
                            const double *const *params) {
  std::vector<std::string> values;
  for (const ConditionStep &step : precondition.steps) {
    std::string text;
    if (step.kind == ConditionStep::Extent) {
      text = "|" + plan.ranks[step.value].name +
             "| = " + std::to_string(extents[step.value]);
    } else if ((step.kind == ConditionStep::Param ||
                step.kind == ConditionStep::ParamOr) &&
               params[step.value]) {
      char number[32];
      std::snprintf(number, sizeof number, "%.9g", *params[step.value]);
      text = plan.params[step.value].name + " = " + number;
    }
    if (!text.empty() &&
        std::find(values.begin(), values.end(), text) == values.end())
      values.push_back(std::move(text));
  }
  std::string all;
  for (const std::string &value : values)
    all += (all.empty() ? "" : ", ") + value;
  return all;
}

Status Binding::checkPreconditions(const KernelPlan &plan) const {
  for (const Precondition &precondition : plan.preconditions) {
    if (precondition.steps.empty() ||
        evaluate(precondition.steps, extents, params).value_or(true))
      continue;
    std::string values = valuesOf(precondition, plan, extents, params);
    return Status::invalid("kernel " + quoted(plan.name) + " requires " +
                           precondition.text +
                           (values.empty() ? "" : "; here " + values));
  }
  return Status::success();
}

Status Binding::bind(const KernelPlan &plan, const EinfallArguments &arguments,
                     bool withData, MemoryPlace place) {
  const EinfallTensor *found[maxTensors] = {};
  std::fill_n(extents, plan.ranks.size(), -1);
  if ((arguments.tensor_count && !arguments.tensors) ||
      (arguments.param_count && !arguments.params))
    return Status::invalid("arguments are counted but not given");
  for (size_t i = 0; i < arguments.tensor_count; ++i) {
    const EinfallNamedTensor &given = arguments.tensors[i];
    size_t number =
        given.name ? position(plan.tensors, given.name) : plan.tensors.size();
    if (number == plan.tensors.size())
      return Status::invalid("kernel " + quoted(plan.name) + " has no tensor " +
                             quoted(given.name ? given.name : "(null)") +
                             "; it has " + names(plan.tensors));
    if (found[number])
      return Status::invalid(quoted(given.name) + " is given twice");
    if (!given.tensor)
      return Status::invalid(quoted(given.name) + " is a null pointer");
    found[number] = given.tensor;
  }
  int64_t *next = strides;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorPlan &tensor = plan.tensors[i];
    if (!found[i])
      return Status::invalid((tensor.isOutput ? "output " : "input ") +
                             quoted(tensor.name) + " is not given");
    Status status =
        bindTensor(tensor, *found[i], next, withData, i, plan, place);
    if (!status.ok())
      return status;
    next += tensor.dims.size();
  }
  for (uint32_t rank = 0; rank < plan.ranks.size(); ++rank) {
    const Expression &expression = plan.ranks[rank].extent;
    if (expression.empty())
      continue;
    std::optional<int64_t> extent = evaluate(expression, extents);
    if (!extent)
      return Status::invalid("the extent of rank " +
                             quoted(plan.ranks[rank].name) +
                             " cannot be computed from these shapes");
    Status status = bindExtent(plan, rank, *extent, nullptr);
    if (!status.ok())
      return status;
  }
  for (uint32_t rank = 0; rank < plan.ranks.size(); ++rank)
    if (extents[rank] < 0)
      return Status::invalid("nothing binds the extent of rank " +
                             quoted(plan.ranks[rank].name));
  Status status = bindParams(plan, arguments);
  if (status.ok())
    status = checkPreconditions(plan);
  if (status.ok() && withData)
    status = checkOverlap(plan);
  return status;
}

const FixedExtent *Binding::misfit(const VersionPlan &version) const {
  for (const FixedExtent &fixed : version.fixed)
    if (extents[fixed.rank] != fixed.extent)
      return &fixed;
  return nullptr;
}

Status Binding::fits(const KernelPlan &plan, const VersionPlan &version) const {
  const FixedExtent *fixed = misfit(version);
  if (!fixed)
    return Status::success();
  const std::string &rank = plan.ranks[fixed->rank].name;
  return Status::failure(EINFALL_NO_VERSION,
                         "it was compiled for " + rank + " = " +
                             std::to_string(fixed->extent) +
                             ", the arguments have " + rank + " = " +
                             std::to_string(extents[fixed->rank]));
}

size_t einfall::runtime::countDeviceWords(const KernelPlan &plan) {
  size_t count =
      plan.tensors.size() + plan.ranks.size() + 2 * plan.params.size();
  for (const TensorPlan &tensor : plan.tensors)
    count += tensor.dims.size();
  return count;
}

void Binding::deviceWords(const KernelPlan &plan, uint64_t *words) const {
  size_t count = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    *words++ = reinterpret_cast<uintptr_t>(data[i]);
    count += plan.tensors[i].dims.size();
  }
  words = std::copy_n(strides, count, words);
  words = std::copy_n(extents, plan.ranks.size(), words);
  for (size_t i = 0; i < plan.params.size(); ++i) {
    const double *value = params[i];
    uint8_t code = plan.params[i].type.code;
    bool isReal = code == EINFALL_FLOAT || code == EINFALL_BFLOAT;
    double number = value ? *value : 0;
    *words++ = isReal ? std::bit_cast<uint32_t>(static_cast<float>(number))
                      : static_cast<uint64_t>(static_cast<int64_t>(number));
    *words++ = value != nullptr;
  }
}
