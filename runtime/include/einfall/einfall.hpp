//===- einfall.hpp - Compiles, loads and launches kernels from C++ --------===//
//
// C++20 over einfall.h and compiler.h; header only, link libeinfall_rt.
//
//   einfall::Compiler compiler;
//   compiler.extent("e", 64);
//   auto module = compiler.compile(text);            // Ein
//   if (!module) die(module.error().message);        // the rendered diagnostic
//   auto kernel = module->kernel("attention", "cpu");
//   einfall::Arguments arguments;
//   arguments.tensor("Q", q.data(), "bf16", {1, 8, 128, 64}) ...;
//   if (auto failed = kernel->run(arguments)) die(failed.message);
//
// Errors are values: a Result holds what was asked for or an Error, and an
// Error without failure is false. Nothing throws but the standard library where
// there is no memory. Handles are moved, not copied, and free what they own; a
// kernel may outlive its module. One object may be used by several threads
// where only const functions are called.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_EINFALL_HPP
#define EINFALL_EINFALL_HPP

#include "compiler.h"

#include <cassert>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace einfall {

/// What failed and why; false where nothing did.
struct [[nodiscard]] Error {
  EinfallStatus status = EINFALL_OK;
  std::string message;

  explicit operator bool() const { return status != EINFALL_OK; }
  /// Of the last failure in this thread.
  static Error last(EinfallStatus status) {
    return {status, status == EINFALL_OK ? "" : einfall_error_message()};
  }
};

/// A value, or why there is none. Ask before taking the value.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : held(std::move(value)) {}
  Result(Error error) : held(std::move(error)) {}

  explicit operator bool() const { return std::holds_alternative<T>(held); }
  T &operator*() { return *std::get_if<T>(&held); }
  T *operator->() { return std::get_if<T>(&held); }
  const Error &error() const { return *std::get_if<Error>(&held); }

private:
  std::variant<T, Error> held;
};

/// Tensors and parameters of a launch, by name. Data stays the caller's.
class Arguments {
public:
  /// A dense tensor in memory of the host; `type` as in einfall_tensor().
  Arguments &tensor(std::string name, const void *data, const char *type,
                    std::vector<int64_t> shape) {
    Held &held = add(std::move(name), std::move(shape));
    held.tensor = einfall_tensor(const_cast<void *>(data), type,
                                 static_cast<int32_t>(held.shape.size()),
                                 held.shape.data());
    return *this;
  }
  /// Any tensor; a DLTensor has the same layout. Shape and strides are kept.
  Arguments &tensor(std::string name, const EinfallTensor &view) {
    Held &held = add(std::move(name), {view.shape, view.shape + view.ndim});
    held.tensor = view;
    held.tensor.shape = held.shape.data();
    if (view.strides) {
      held.strides.assign(view.strides, view.strides + view.ndim);
      held.tensor.strides = held.strides.data();
    }
    return *this;
  }
  Arguments &param(std::string name, double value) {
    names.push_back(std::move(name));
    params.push_back({names.back().c_str(), value});
    return *this;
  }

  /// Valid until the next call of tensor() or param().
  EinfallArguments view() const {
    return {tensors.data(), tensors.size(), params.data(), params.size()};
  }

private:
  struct Held {
    EinfallTensor tensor = {};
    std::vector<int64_t> shape, strides;
  };
  Held &add(std::string name, std::vector<int64_t> shape) {
    names.push_back(std::move(name));
    Held &made = held.emplace_back();
    made.shape = std::move(shape);
    tensors.push_back({names.back().c_str(), &made.tensor});
    return made;
  }
  // Elements of a deque stay where they are.
  std::deque<std::string> names;
  std::deque<Held> held;
  std::vector<EinfallNamedTensor> tensors;
  std::vector<EinfallNamedParam> params;
};

/// A kernel on a device.
class Kernel {
public:
  /// Bytes that a launch with these shapes needs.
  Result<size_t> workspace(const Arguments &arguments) const {
    EinfallArguments view = arguments.view();
    size_t bytes = 0;
    EinfallStatus status =
        einfall_kernel_workspace(handle.get(), &view, &bytes);
    if (status != EINFALL_OK)
      return Error::last(status);
    return bytes;
  }
  /// Runs it, or puts it on `stream` (einfall_kernel_launch()).
  Error launch(void *stream, const Arguments &arguments, void *workspace,
               size_t workspaceBytes) const {
    EinfallArguments view = arguments.view();
    return Error::last(einfall_kernel_launch(handle.get(), &view, workspace,
                                             workspaceBytes, stream));
  }
  /// The same without a stream, with a workspace of its own.
  Error run(const Arguments &arguments) const {
    EinfallArguments view = arguments.view();
    return Error::last(einfall_kernel_run(handle.get(), &view));
  }
  /// For what this class does not offer; stays this object's.
  const EinfallKernel *get() const { return handle.get(); }

private:
  friend class Module;
  struct Unload {
    void operator()(EinfallKernel *kernel) const {
      einfall_kernel_unload(kernel);
    }
  };
  explicit Kernel(EinfallKernel *kernel) : handle(kernel) {}
  std::unique_ptr<EinfallKernel, Unload> handle;
};

/// A package: kernels for one or more targets.
class Module {
public:
  static Result<Module> open(const std::string &path) {
    EinfallPackage *package = nullptr;
    EinfallStatus status = einfall_package_open(path.c_str(), &package);
    if (status != EINFALL_OK)
      return Error::last(status);
    return Module(package, {});
  }
  /// The bytes are copied.
  static Result<Module> open(const void *bytes, size_t size,
                             std::string warnings = {}) {
    EinfallPackage *package = nullptr;
    EinfallStatus status = einfall_package_open_memory(bytes, size, &package);
    if (status != EINFALL_OK)
      return Error::last(status);
    return Module(package, std::move(warnings));
  }

  /// Loads a kernel, the only one where `name` is empty; devices as in
  /// einfall_kernel_load().
  Result<Kernel> kernel(const std::string &name = {},
                        const std::string &device = "cpu") const {
    EinfallKernel *kernel = nullptr;
    EinfallStatus status =
        einfall_kernel_load(handle.get(), name.empty() ? nullptr : name.c_str(),
                            device.c_str(), &kernel);
    if (status != EINFALL_OK)
      return Error::last(status);
    return Kernel(kernel);
  }
  std::vector<std::string> kernels() const {
    std::vector<std::string> names;
    for (size_t i = 0; i < einfall_package_kernel_count(handle.get()); ++i)
      names.emplace_back(einfall_package_kernel_name(handle.get(), i));
    return names;
  }
  /// The launch plan, for people.
  std::string describe() const {
    return einfall_package_describe(handle.get());
  }
  /// What the compiler warned of, rendered.
  const std::string &warnings() const { return text; }
  const EinfallPackage *get() const { return handle.get(); }

private:
  struct Close {
    void operator()(EinfallPackage *package) const {
      einfall_package_close(package);
    }
  };
  Module(EinfallPackage *package, std::string warnings)
      : handle(package), text(std::move(warnings)) {}
  std::unique_ptr<EinfallPackage, Close> handle;
  std::string text;
};

/// What texts are compiled for. compile() is const and may run in any number of
/// threads at once.
class Compiler {
public:
  /// "cpu", "sm_80", "sm_90a"; "cpu" where none is added.
  Compiler &target(std::string name) {
    targets.push_back(std::move(name));
    return *this;
  }
  /// The code may rely on this extent.
  Compiler &extent(std::string rank, int64_t extent) {
    extents.emplace_back(std::move(rank), extent);
    return *this;
  }
  /// Compile one kernel of the text.
  Compiler &kernel(std::string name) {
    only = std::move(name);
    return *this;
  }
  /// Neither look into the cache nor write to it.
  Compiler &withoutCache() {
    cache = false;
    return *this;
  }
  /// Use derivations without proving them again.
  Compiler &withoutProofs() {
    proofs = false;
    return *this;
  }

  /// The message of an error is the rendered diagnostic, with places in `name`.
  Result<Module> compile(std::string_view text,
                         const std::string &name = "<source>") const {
    std::vector<const char *> targetNames;
    for (const std::string &target : targets)
      targetNames.push_back(target.c_str());
    std::vector<EinfallExtent> known;
    for (const auto &[rank, extent] : extents)
      known.push_back({rank.c_str(), extent});
    EinfallCompileOptions options = {};
    options.size = sizeof options;
    options.name = name.c_str();
    options.kernel = only.empty() ? nullptr : only.c_str();
    options.targets = targetNames.data();
    options.target_count = targetNames.size();
    options.extents = known.data();
    options.extent_count = known.size();
    options.without_cache = !cache;
    options.without_proofs = !proofs;
    std::unique_ptr<EinfallCompilation, void (*)(EinfallCompilation *)> made(
        einfall_compile(text.data(), text.size(), &options),
        einfall_compilation_free);
    if (!made)
      return Error::last(EINFALL_MISSING);
    EinfallStatus status = einfall_compilation_status(made.get());
    std::string diagnostics = einfall_compilation_diagnostics(made.get());
    if (status != EINFALL_OK)
      return Error{status, std::move(diagnostics)};
    size_t size = 0;
    const void *bytes = einfall_compilation_package(made.get(), &size);
    return Module::open(bytes, size, std::move(diagnostics));
  }

private:
  std::vector<std::string> targets;
  std::vector<std::pair<std::string, int64_t>> extents;
  std::string only;
  bool cache = true, proofs = true;
};

} // namespace einfall

#endif // EINFALL_EINFALL_HPP
