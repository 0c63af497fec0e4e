//===- Launcher.h - A kernel ready to run -----------------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_LAUNCHER_H
#define EINFALL_FRONTEND_DRIVER_LAUNCHER_H

#include "frontend/driver/Pipeline.h"

namespace einfall::cpu {
class CpuExecutor;
class CpuModule;
struct CpuKernel;
} // namespace einfall::cpu

namespace einfall::driver {

/// A compiled kernel with its arguments, its threads and its workspace. Made
/// once; `launch` allocates nothing.
class Launcher {
public:
  /// Loads, binds, compiles and links what the options of the session name.
  /// Null after an error, which has been reported.
  static std::unique_ptr<Launcher> create(Session &session);
  ~Launcher();

  /// Runs the kernel once; seconds.
  double launch();

  cascade::KernelOp kernel; ///< as written
  std::unique_ptr<KernelArguments> arguments;
  KernelReport report;
  double compileSeconds = 0;
  unsigned threads() const;
  const cpu::CpuExecutor &threadPool() const { return *executor; }

private:
  Launcher();
  std::unique_ptr<Program> program;
  std::unique_ptr<cpu::CpuModule> code;
  std::unique_ptr<cpu::CpuKernel> entry;
  std::unique_ptr<cpu::CpuExecutor> executor;
  AlignedBytes workspace;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_LAUNCHER_H
