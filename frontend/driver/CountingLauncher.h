//===- CountingLauncher.h - A CPU kernel that is counted --------*- C++ -*-===//
//
// Runs a kernel on this processor, item after item, with every access counted
// (codegen/cpu/CountAccesses.h) that falls into a tensor. It takes long, and is
// there to be compared with what `explain` claims.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_COUNTINGLAUNCHER_H
#define EINFALL_FRONTEND_DRIVER_COUNTINGLAUNCHER_H

#include "frontend/driver/Launcher.h"

namespace einfall::driver {

class CountingLauncher : public Launcher {
public:
  /// The kernel is told that `threads` run it, as that decides how it divides
  /// its items; one thread does.
  CountingLauncher(Session &session, unsigned threads);
  ~CountingLauncher() override;
  std::optional<double> launch() override;
  std::string place() const override { return "one thread, counted"; }
  std::string counted() const override { return counters; }
  /// Bytes asked of tensors.
  std::optional<uint64_t> globalBytes() const override { return bytes; }

protected:
  void configure(PipelineOptions &options) const override {
    options.countsAccesses = true;
  }
  bool load(PipelineResult result) override;

private:
  unsigned threads;
  std::unique_ptr<cpu::CpuModule> code;
  std::unique_ptr<cpu::CpuKernel> entry;
  std::string counters;
  std::optional<uint64_t> bytes;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_COUNTINGLAUNCHER_H
