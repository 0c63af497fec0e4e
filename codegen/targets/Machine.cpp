//===- Machine.cpp - The machines that are built in -----------------------===//

#include "codegen/targets/Machine.h"

#include "codegen/targets/MachineTexts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace einfall;
using llvm::StringRef;

StringRef einfall::nameOf(Basis basis) {
  switch (basis) {
  case Basis::Published:
    return "published";
  case Basis::Derived:
    return "derived";
  case Basis::Measured:
    return "measured";
  case Basis::Conjectured:
    return "conjectured";
  }
  return "";
}

int64_t Machine::matrixFlopPerClock(StringRef operands) const {
  for (const MatrixRate &rate : matrix)
    if (rate.operands == operands)
      return rate.flopPerClock;
  return 0;
}

/// The texts are part of this library, and a test reads each.
static std::vector<Machine> readBuiltIn() {
  std::vector<Machine> all;
  for (const MachineText &text : machineTexts())
    all.push_back(llvm::cantFail(parseMachine(text.text, text.name)));
  return all;
}

llvm::ArrayRef<Machine> einfall::machines() {
  static const std::vector<Machine> all = readBuiltIn();
  return all;
}

const Machine *einfall::findMachine(StringRef name) {
  auto found = llvm::find_if(
      machines(), [&](const Machine &machine) { return machine.name == name; });
  return found == machines().end() ? nullptr : found;
}

static std::string builtInNames() {
  return llvm::join(llvm::map_range(machines(),
                                    [](const Machine &machine) -> StringRef {
                                      return machine.name;
                                    }),
                    ", ");
}

llvm::Expected<Machine> einfall::loadMachine(StringRef nameOrPath) {
  if (const Machine *machine = findMachine(nameOrPath))
    return *machine;
  if (!nameOrPath.ends_with(".json"))
    return llvm::createStringError("there is no machine " + nameOrPath +
                                   "; name " + builtInNames() +
                                   ", or a file that ends with .json");
  auto buffer = llvm::MemoryBuffer::getFile(nameOrPath);
  if (!buffer)
    return llvm::createStringError("cannot read " + nameOrPath + ": " +
                                   buffer.getError().message());
  return parseMachine((*buffer)->getBuffer(), nameOrPath);
}

/// Machines of an architecture that we compile for.
static constexpr GpuTarget targets[] = {
    {"sm_80", /*ptxVersion=*/70, "a100-sxm4"},
    {"sm_90a", /*ptxVersion=*/80, "h100-sxm5"},
};

const Machine &GpuTarget::reference() const { return *findMachine(machine); }

llvm::ArrayRef<GpuTarget> einfall::gpuTargets() { return targets; }

const GpuTarget *einfall::findTarget(StringRef name) {
  auto found = llvm::find_if(
      targets, [&](const GpuTarget &target) { return target.name == name; });
  return found == std::end(targets) ? nullptr : found;
}

llvm::Expected<Machine> einfall::machineFor(const GpuTarget &target,
                                            StringRef nameOrPath) {
  if (nameOrPath.empty())
    return target.reference();
  llvm::Expected<Machine> machine = loadMachine(nameOrPath);
  if (machine && machine->architecture != target.name)
    return llvm::createStringError(
        "machine " + nameOrPath + " is of architecture " +
        machine->architecture + ", not of target " + target.name);
  return machine;
}
