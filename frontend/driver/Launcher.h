//===- Launcher.h - A kernel ready to run -----------------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_LAUNCHER_H
#define EINFALL_FRONTEND_DRIVER_LAUNCHER_H

#include "frontend/driver/Pipeline.h"

namespace einfall::cpu {
class CpuExecutor;
class CpuModule;
struct CpuKernel;
} // namespace einfall::cpu
namespace einfall::emulated {
class DeviceImage;
struct Buffer;
} // namespace einfall::emulated

namespace einfall::driver {

/// A kernel, compiled for the device of the options, with its arguments.
class Launcher {
public:
  /// Loads, binds, compiles and links what the options of the session name.
  /// Null after an error, which has been reported.
  static std::unique_ptr<Launcher> create(Session &session);
  /// The same, with every access to tensors counted, on this processor and as
  /// if `threads` ran the kernel.
  static std::unique_ptr<Launcher> createCounting(Session &session,
                                                  unsigned threads);
  virtual ~Launcher();

  /// Runs the kernel once; seconds. Nothing after an error of the device, which
  /// has been reported.
  virtual std::optional<double> launch() = 0;
  /// What it runs on, "2 threads".
  virtual std::string place() const = 0;
  /// What the device counted in the last launch, in lines; empty: nothing.
  virtual std::string counted() const { return ""; }
  /// Bytes that the last launch moved between global memory and the SMs, in
  /// whole sectors; nothing where the device does not count.
  virtual std::optional<uint64_t> globalBytes() const { return std::nullopt; }

  cascade::KernelOp kernel; ///< as written
  std::unique_ptr<KernelArguments> arguments;
  KernelReport report;
  double compileSeconds = 0;

protected:
  explicit Launcher(Session &session) : session(session) {}
  /// Makes the compiled kernel ready; false after an error.
  virtual bool load(PipelineResult result) = 0;
  /// Compiles the kernel for what the device runs, and loads it.
  virtual bool compile();
  /// What the device needs of the compiled kernel beside its target.
  virtual void configure(PipelineOptions &) const {}
  /// Takes the kernel from the package of the program instead.
  virtual bool unpack();
  Session &session;
  std::unique_ptr<Program> program;

private:
  bool prepare();
};

/// On this processor, by all threads. `launch` allocates nothing.
class CpuLauncher : public Launcher {
public:
  explicit CpuLauncher(Session &session);
  ~CpuLauncher() override;
  std::optional<double> launch() override;
  std::string place() const override;

  unsigned threads() const;
  const cpu::CpuExecutor &threadPool() const { return *executor; }

protected:
  bool load(PipelineResult result) override;

private:
  std::unique_ptr<cpu::CpuModule> code;
  std::unique_ptr<cpu::CpuKernel> entry;
  std::unique_ptr<cpu::CpuExecutor> executor;
  AlignedBytes workspace;
};

/// On an emulated device, with everything checked that it checks.
class EmulatedLauncher : public Launcher {
public:
  explicit EmulatedLauncher(Session &session);
  ~EmulatedLauncher() override;
  std::optional<double> launch() override;
  std::string place() const override;
  std::string counted() const override { return counters; }
  std::optional<uint64_t> globalBytes() const override { return sectorBytes; }

protected:
  bool load(PipelineResult result) override;
  bool unpack() override;

private:
  /// Programs that are launched one after the other, for each version.
  std::vector<std::vector<emulated::DeviceImage>> versions;
  std::vector<emulated::Buffer> buffers;
  std::vector<uint64_t> words; ///< the parameters
  std::string counters;        ///< of the last launch
  std::optional<uint64_t> sectorBytes;
};

/// The parameters of a device program and the memory that it may touch, in the
/// order of passes/Lower/Device/FoldToDevice.h; both point into `arguments`.
std::vector<uint64_t> deviceParameters(const KernelArguments &arguments);
std::vector<emulated::Buffer> deviceBuffers(const KernelArguments &arguments);

/// The target that device `name` runs code of ("cpu", "sm_80"; "cuda" where the
/// device has to be asked), or nothing.
std::optional<std::string> targetOfDevice(llvm::StringRef name);
/// Whether a device is one of CUDA, whether it is there or not.
bool isCuda(llvm::StringRef name);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_LAUNCHER_H
