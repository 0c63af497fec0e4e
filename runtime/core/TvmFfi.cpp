//===- TvmFfi.cpp - Kernels as functions of TVM-FFI -----------------------===//
//
// The layouts below are those of TVM-FFI's tvm/ffi/c_api.h, whose C ABI is
// stable: values of 16 bytes with a type index, objects with a header of 24
// bytes. Tensors are DLPack's, which EinfallTensor has the layout of. The
// functions of TVM-FFI are looked up when they are needed.
//
//===----------------------------------------------------------------------===//

#include "runtime/include/einfall/tvm_ffi.h"

#include "runtime/core/LastError.h"
#include "runtime/core/Package.h"

#include <atomic>
#include <dlfcn.h>
#include <memory>
#include <mutex>

using namespace einfall::runtime;

namespace {

/// TVMFFITypeIndex, as far as kernels take or give it.
enum TypeIndex : int32_t {
  NoneIndex = 0,
  IntIndex = 1,
  BoolIndex = 2,
  FloatIndex = 3,
  DLTensorPointerIndex = 7,
  RawTextIndex = 8,
  SmallTextIndex = 11,
  TextIndex = 65,
  TensorIndex = 70,
};

/// TVMFFIAny.
struct Any {
  int32_t type;
  uint32_t padding;
  union {
    int64_t integer;
    double real;
    char *pointer;
  };
};
static_assert(sizeof(Any) == 16);

/// sizeof(TVMFFIObject): reference counts, type index, deleter.
constexpr size_t headerBytes = 24;

struct ByteArray {
  const char *data;
  size_t size;
};

/// A function of TVM-FFI: of the process, or of the library where that was
/// loaded for others alone. Null where neither is there.
template <typename Type> Type *functionOfTvmFfi(const char *name) {
  void *found = dlsym(RTLD_DEFAULT, name);
  if (!found)
    if (void *library = dlopen("libtvm_ffi.so", RTLD_LAZY | RTLD_NOLOAD)) {
      found = dlsym(library, name);
      dlclose(library); // whoever loaded it keeps it
    }
  return reinterpret_cast<Type *>(found);
}

/// Raises the last error of this thread. -1.
int raise(const char *kind) {
  static auto *set = functionOfTvmFfi<void(const char *, const char *)>(
      "TVMFFIErrorSetRaisedFromCStr");
  if (set)
    set(kind, einfall_error_message());
  return -1;
}

int raise(EinfallStatus status) {
  bool isValue =
      status == EINFALL_INVALID_ARGUMENT || status == EINFALL_NO_VERSION;
  return raise(isValue ? "ValueError" : "RuntimeError");
}

int raise(const char *kind, std::string text) {
  setLastError(std::move(text));
  return raise(kind);
}

std::string kindOf(const Any &value) {
  switch (value.type) {
  case NoneIndex:
    return "None";
  case IntIndex:
    return "an integer";
  case BoolIndex:
    return "a truth value";
  case FloatIndex:
    return "a number";
  case DLTensorPointerIndex:
  case TensorIndex:
    return "a tensor";
  case RawTextIndex:
  case SmallTextIndex:
  case TextIndex:
    return "a text";
  default:
    return "a value of TVM-FFI's type " + std::to_string(value.type);
  }
}

/// What stands at a position: "argument 3, input `V`,".
std::string placeOf(size_t position, const char *what, const char *name) {
  return "argument " + std::to_string(position + 1) + ", " + what + " `" +
         name + "`,";
}

/// The tensor of a value, or null.
const EinfallTensor *tensorOf(const Any &value) {
  if (value.type == DLTensorPointerIndex)
    return reinterpret_cast<const EinfallTensor *>(value.pointer);
  if (value.type == TensorIndex)
    return reinterpret_cast<const EinfallTensor *>(value.pointer + headerBytes);
  return nullptr;
}

bool isOnCuda(const EinfallTensor &tensor) {
  return tensor.device.device_type == EINFALL_DEVICE_CUDA ||
         tensor.device.device_type == EINFALL_DEVICE_CUDA_MANAGED;
}

/// Whether the elements are bits of a type that NumPy lacks.
bool areBits(EinfallDataType given, EinfallDataType wanted) {
  return given.code == EINFALL_UINT && given.bits == wanted.bits &&
         (wanted.code == EINFALL_BFLOAT ||
          wanted.code == EINFALL_FLOAT8_E4M3FN ||
          wanted.code == EINFALL_FLOAT8_E5M2);
}

/// A call: values by position as arguments by name.
class Call {
public:
  /// 0, or -1 where an error is raised.
  int read(const EinfallKernel *kernel, const Any *values, size_t count);
  int launch(const EinfallKernel *kernel) const;

private:
  int wrongCount(const EinfallKernel *kernel, size_t count) const;
  int launchOnStream(const EinfallKernel *kernel) const;

  EinfallTensor tensors[maxTensors];
  EinfallNamedTensor named[maxTensors];
  EinfallNamedParam params[maxParams];
  EinfallArguments arguments = {named, 0, params, 0};
  const EinfallTensor *onCuda = nullptr;
};

int Call::wrongCount(const EinfallKernel *kernel, size_t count) const {
  size_t tensorCount = einfall_kernel_tensor_count(kernel);
  size_t most = tensorCount + einfall_kernel_param_count(kernel);
  std::string text = std::to_string(count) + " arguments are given, it takes ";
  text += std::to_string(most) + ":";
  for (size_t i = 0; i < tensorCount; ++i) {
    EinfallTensorInfo info;
    (void)einfall_kernel_tensor(kernel, i, &info);
    text += std::string(i ? ", " : " ") + info.name;
  }
  for (size_t i = tensorCount; i < most; ++i) {
    EinfallParamInfo info;
    (void)einfall_kernel_param(kernel, i - tensorCount, &info);
    text += std::string(i ? ", " : " ") + info.name;
  }
  return raise("TypeError", text + " (inputs, outputs, parameters)");
}

int Call::read(const EinfallKernel *kernel, const Any *values, size_t count) {
  size_t tensorCount = einfall_kernel_tensor_count(kernel);
  size_t paramCount = einfall_kernel_param_count(kernel);
  if (count < tensorCount || count > tensorCount + paramCount)
    return wrongCount(kernel, count);
  for (size_t i = 0; i < tensorCount; ++i) {
    EinfallTensorInfo info;
    if (EinfallStatus status = einfall_kernel_tensor(kernel, i, &info))
      return raise(status);
    const EinfallTensor *given = tensorOf(values[i]);
    if (!given)
      return raise("TypeError",
                   placeOf(i, info.is_output ? "output" : "input", info.name) +
                       " is a tensor, found " + kindOf(values[i]));
    tensors[i] = *given;
    if (areBits(given->dtype, info.dtype))
      tensors[i].dtype = info.dtype;
    if (!onCuda && isOnCuda(*given))
      onCuda = given;
    named[i] = {info.name, &tensors[i]};
  }
  arguments.tensor_count = tensorCount;
  for (size_t i = tensorCount; i < count; ++i) {
    EinfallParamInfo info;
    if (EinfallStatus status =
            einfall_kernel_param(kernel, i - tensorCount, &info))
      return raise(status);
    const Any &value = values[i];
    if (value.type == NoneIndex && info.has_default)
      continue;
    if (value.type != IntIndex && value.type != BoolIndex &&
        value.type != FloatIndex)
      return raise("TypeError", placeOf(i, "parameter", info.name) +
                                    " is a number, found " + kindOf(value));
    params[arguments.param_count++] = {
        info.name, value.type == FloatIndex
                       ? value.real
                       : static_cast<double>(value.integer)};
  }
  return 0;
}

int Call::launch(const EinfallKernel *kernel) const {
  if (onCuda)
    return launchOnStream(kernel);
  EinfallStatus status = einfall_kernel_run(kernel, &arguments);
  return status ? raise(status) : 0;
}

/// With the stream and the memory of the environment. Memory that is freed here
/// may be used again by what follows on the stream, as allocators of streams
/// have it.
int Call::launchOnStream(const EinfallKernel *kernel) const {
  size_t bytes = 0;
  if (EinfallStatus status =
          einfall_kernel_workspace(kernel, &arguments, &bytes))
    return raise(status);
  static auto *getStream =
      functionOfTvmFfi<void *(int32_t, int32_t)>("TVMFFIEnvGetStream");
  static auto *allocate =
      functionOfTvmFfi<int(EinfallTensor *, void **)>("TVMFFIEnvTensorAlloc");
  static auto *release = functionOfTvmFfi<int(void *)>("TVMFFIObjectDecRef");
  EinfallDevice device = {EINFALL_DEVICE_CUDA, onCuda->device.device_id};
  void *stream =
      getStream ? getStream(device.device_type, device.device_id) : nullptr;
  char *object = nullptr;
  void *workspace = nullptr;
  if (bytes) {
    auto extent = static_cast<int64_t>(bytes);
    EinfallTensor wanted = einfall_tensor(nullptr, "u8", 1, &extent);
    wanted.device = device;
    if (!allocate || !release)
      return raise("RuntimeError",
                   "this launch needs a workspace of " + std::to_string(bytes) +
                       " bytes, and there is no allocator of TVM-FFI");
    if (allocate(&wanted, reinterpret_cast<void **>(&object)))
      return -1; // it raised the error
    auto *made = reinterpret_cast<const EinfallTensor *>(object + headerBytes);
    workspace = static_cast<char *>(made->data) + made->byte_offset;
  }
  EinfallStatus status =
      einfall_kernel_launch(kernel, &arguments, workspace, bytes, stream);
  if (object)
    (void)release(object);
  return status ? raise(status) : 0;
}

/// The devices that a packed kernel was loaded on.
class Loaded {
public:
  ~Loaded() {
    for (const Entry &entry : entries)
      einfall_kernel_unload(entry.kernel);
  }

  /// Of `kernel`; made by the first thread that asks.
  static Loaded &of(EinfallTvmFfiKernel &kernel) {
    std::atomic_ref<void *> slot(kernel.loaded);
    void *found = slot.load(std::memory_order_acquire);
    if (!found) {
      auto made = std::make_unique<Loaded>();
      if (slot.compare_exchange_strong(found, made.get()))
        found = made.release();
    }
    return *static_cast<Loaded *>(found);
  }

  EinfallStatus find(const EinfallTvmFfiKernel &packed, int32_t cuda,
                     EinfallKernel *&kernel) {
    std::lock_guard<std::mutex> lock(mutex);
    for (const Entry &entry : entries)
      if (entry.cuda == cuda) {
        kernel = entry.kernel;
        return EINFALL_OK;
      }
    std::string device =
        cuda < 0 ? std::string("cpu") : "cuda:" + std::to_string(cuda);
    EinfallStatus status = einfall_kernel_open(
        packed.package, packed.size, packed.name, device.c_str(), &kernel);
    if (status == EINFALL_OK)
      entries.push_back({cuda, kernel});
    return status;
  }

private:
  struct Entry {
    int32_t cuda; ///< the number of the device, -1: the CPU
    EinfallKernel *kernel;
  };
  std::mutex mutex;
  std::vector<Entry> entries;
};

/// The CUDA device that a tensor of the call lies on, or -1.
int32_t cudaDeviceOf(const Any *values, int32_t count) {
  for (int32_t i = 0; i < count; ++i)
    if (const EinfallTensor *tensor = tensorOf(values[i]);
        tensor && isOnCuda(*tensor))
      return tensor->device.device_id;
  return -1;
}

int callKernel(const EinfallKernel *kernel, const Any *values, int32_t count,
               void *result) {
  if (result)
    *static_cast<Any *>(result) = Any{NoneIndex, 0, {0}};
  Call call;
  if (int failed = call.read(kernel, values, count < 0 ? 0 : count))
    return failed;
  return call.launch(kernel);
}

} // namespace

int einfall_tvm_ffi_call(void *kernel, const void *arguments, int32_t count,
                         void *result) {
  int code = -1;
  EinfallStatus status = guarded([&] {
    if (!kernel || (count > 0 && !arguments))
      return Status::invalid("a pointer of the call is null");
    code = callKernel(static_cast<EinfallKernel *>(kernel),
                      static_cast<const Any *>(arguments), count, result);
    return Status::success();
  });
  return status ? raise(status) : code;
}

int einfall_tvm_ffi_call_packed(EinfallTvmFfiKernel *packed,
                                const void *arguments, int32_t count,
                                void *result) {
  int code = -1;
  EinfallStatus status = guarded([&] {
    if (!packed || (count > 0 && !arguments))
      return Status::invalid("a pointer of the call is null");
    auto *values = static_cast<const Any *>(arguments);
    EinfallKernel *kernel = nullptr;
    EinfallStatus found =
        Loaded::of(*packed).find(*packed, cudaDeviceOf(values, count), kernel);
    code = found ? raise(found) : callKernel(kernel, values, count, result);
    return Status::success();
  });
  return status ? raise(status) : code;
}

/// A line for each argument, in their order: "Q[b,h,p,e]: bf16, input".
static std::string signatureOf(const KernelPlan &plan) {
  std::string text;
  for (const TensorPlan &tensor : plan.tensors) {
    text += tensor.name + "[";
    for (size_t i = 0; i < tensor.dims.size(); ++i)
      text += (i ? "," : "") + plan.ranks[tensor.dims[i]].name;
    text += "]: " + typeName(tensor.type) +
            (tensor.isOutput ? ", output\n" : ", input\n");
  }
  for (const ParamPlan &param : plan.params)
    text +=
        param.name + ": " + typeName(param.type) +
        (param.hasDefault ? ", parameter with a default\n" : ", parameter\n");
  return text;
}

int einfall_tvm_ffi_describe(const EinfallTvmFfiKernel *packed, void *result) {
  std::string text;
  EinfallStatus status = guarded([&] {
    if (!packed || !result)
      return Status::invalid("a pointer of the call is null");
    std::shared_ptr<const Package> package;
    const KernelPlan *plan = nullptr;
    Status status = Package::read(
        std::string(static_cast<const char *>(packed->package), packed->size),
        package);
    if (status.ok())
      status = package->find(packed->name, plan);
    if (status.ok())
      text = signatureOf(*plan);
    return status;
  });
  if (status)
    return raise(status);
  static auto *make = functionOfTvmFfi<int(const ByteArray *, void *)>(
      "TVMFFIStringFromByteArray");
  ByteArray bytes = {text.data(), text.size()};
  return make ? make(&bytes, result)
              : raise("RuntimeError", "there is no TVM-FFI in this process");
}
