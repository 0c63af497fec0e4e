//===- AssemblyReport.cpp - What the assembler says of a kernel -----------===//

#include "codegen/nvidia/AssemblyReport.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace einfall;
using namespace einfall::nvidia;
using llvm::StringRef;

std::string ToolVersion::str() const {
  return llvm::formatv("{0}.{1}.{2}", major, minor, build).str();
}

std::optional<ToolVersion> ToolVersion::parse(StringRef text) {
  ToolVersion version;
  if (text.consumeInteger(10, version.major) || !text.consume_front(".") ||
      text.consumeInteger(10, version.minor))
    return std::nullopt;
  if (text.consume_front(".") && text.consumeInteger(10, version.build))
    return std::nullopt;
  return version;
}

const KernelResources *AssemblyReport::find(StringRef kernel) const {
  for (const KernelResources &candidate : kernels)
    if (candidate.name == kernel)
      return &candidate;
  return nullptr;
}

bool AssemblyReport::clean() const {
  for (const KernelResources &kernel : kernels)
    if (kernel.stackBytes || kernel.spillStoreBytes || kernel.spillLoadBytes)
      return false;
  return warnings.empty();
}

/// The number before `unit` in a list such as "8 bytes stack frame, 0 bytes
/// spill stores", or after the word "used".
static std::optional<int64_t> amount(StringRef line, StringRef unit) {
  size_t end = line.find(unit);
  if (end == StringRef::npos)
    return std::nullopt;
  StringRef head = line.take_front(end).rtrim();
  size_t start = head.find_last_not_of("0123456789");
  int64_t value;
  if (head.drop_front(start == StringRef::npos ? 0 : start + 1)
          .getAsInteger(10, value))
    return std::nullopt;
  return value;
}

/// "(C7513) text" as a warning.
static std::optional<AssemblyWarning> warningIn(StringRef line) {
  size_t open = line.find("(C");
  size_t close = line.find(')', open);
  if (open != StringRef::npos && close != StringRef::npos) {
    StringRef code = line.slice(open + 1, close);
    StringRef digits = code.drop_front();
    if (!digits.empty() && llvm::all_of(digits, llvm::isDigit))
      return AssemblyWarning{code.str(),
                             line.drop_front(close + 1).trim().str()};
  }
  size_t word = line.find("warning");
  size_t colon = line.find(':', word);
  if (word != StringRef::npos && colon != StringRef::npos)
    return AssemblyWarning{"", line.drop_front(colon + 1).trim().str()};
  return std::nullopt;
}

AssemblyReport einfall::nvidia::parseAssemblyLog(StringRef log) {
  AssemblyReport report;
  llvm::SmallVector<StringRef> lines;
  log.split(lines, '\n', -1, false);
  KernelResources *current = nullptr;
  for (StringRef line : lines) {
    if (auto warning = warningIn(line)) {
      report.warnings.push_back(*warning);
      continue;
    }
    // A library that links says everything again in its own words.
    if (line.starts_with("info "))
      continue;
    if (size_t at = line.find("Compiling entry function '");
        at != StringRef::npos) {
      StringRef name = line.drop_front(line.find('\'') + 1);
      report.kernels.push_back(
          {name.take_until([](char c) { return c == '\''; }).str()});
      current = &report.kernels.back();
      continue;
    }
    if (!current)
      continue;
    if (line.contains("Function properties for"))
      continue;
    auto take = [&](StringRef unit, int64_t &field) {
      if (auto value = amount(line, unit))
        field = *value;
    };
    take("bytes stack frame", current->stackBytes);
    take("bytes spill stores", current->spillStoreBytes);
    take("bytes spill loads", current->spillLoadBytes);
    take("registers", current->registers);
    take("barriers", current->barriers);
    take("bytes smem", current->staticSharedBytes);
  }
  return report;
}

llvm::Error einfall::nvidia::checkResources(const KernelResources &kernel,
                                            const GpuTarget &target,
                                            int64_t threads,
                                            int64_t sharedBytes) {
  const Machine &machine = target.reference();
  int64_t warps = llvm::divideCeil(threads, machine.warpLanes);
  int64_t registers =
      warps * llvm::alignTo(kernel.registers * machine.warpLanes,
                            machine.perUnit.registersPerWarpUnit);
  if (registers > machine.perUnit.registers)
    return llvm::createStringError(llvm::formatv(
        "kernel '{0}' needs {1} registers per block ({2} per thread), {3} has "
        "{4}; use smaller tiles or fewer warps",
        kernel.name, registers, kernel.registers, target.name,
        machine.perUnit.registers));
  int64_t shared = sharedBytes + kernel.staticSharedBytes;
  if (shared > machine.block.sharedBytes)
    return llvm::createStringError(llvm::formatv(
        "kernel '{0}' needs {1} bytes of shared memory per block, {2} has {3}; "
        "use smaller tiles or fewer stages",
        kernel.name, shared, target.name, machine.block.sharedBytes));
  return llvm::Error::success();
}
