//===- Launcher.cpp - A kernel ready to run -------------------------------===//

#include "frontend/driver/Launcher.h"

#include "codegen/cpu/CpuModule.h"

#include <chrono>

using namespace einfall;
using namespace einfall::driver;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Launcher::Launcher() = default;
Launcher::~Launcher() = default;

std::unique_ptr<Launcher> Launcher::create(Session &session) {
  std::unique_ptr<Launcher> result(new Launcher);
  Launcher &self = *result;
  self.program = Program::load(session);
  if (!self.program)
    return nullptr;
  self.kernel = self.program->kernel(session.options.kernel);
  if (!self.kernel)
    return nullptr;
  self.arguments = KernelArguments::create(
      self.kernel, session, self.program->randomRanges(self.kernel));
  if (!self.arguments)
    return nullptr;
  double begin = now();
  PipelineOptions options;
  for (const std::string &rank : self.arguments->interface.ranks)
    options.fixedExtents[rank] = self.arguments->extent(rank);
  auto compiled = compileKernel(self.kernel, options, session);
  if (!compiled)
    return nullptr;
  self.report = std::move(compiled->report);
  auto module = cpu::CpuModule::load(
      llvm::MemoryBuffer::getMemBufferCopy(compiled->text, "kernel"));
  if (!module) {
    session.succeeded(module.takeError());
    return nullptr;
  }
  self.code = std::move(*module);
  auto entry = self.code->lookup(self.arguments->interface.name);
  if (!entry) {
    session.succeeded(entry.takeError());
    return nullptr;
  }
  self.compileSeconds = now() - begin;
  self.entry = std::make_unique<cpu::CpuKernel>(*entry);
  self.executor = std::make_unique<cpu::CpuExecutor>(session.options.threads);
  size_t bytes =
      self.executor->workspaceSize(*self.entry, self.arguments->forCpu());
  self.workspace = AlignedBytes::allocate(bytes);
  if (!self.workspace.data()) {
    session.error("no memory for a workspace of " + llvm::Twine(bytes) +
                  " bytes");
    return nullptr;
  }
  return result;
}

double Launcher::launch() {
  double begin = now();
  executor->launch(*entry, arguments->forCpu(), workspace.data());
  return now() - begin;
}

unsigned Launcher::threads() const { return executor->threads(); }
