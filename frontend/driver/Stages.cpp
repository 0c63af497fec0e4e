//===- Stages.cpp - Names of what a compilation stops at ------------------===//

#include "frontend/driver/Pipeline.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Path.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

std::optional<Stage> einfall::driver::stageNamed(StringRef name) {
  return llvm::StringSwitch<std::optional<Stage>>(name)
      .Case("cascade", Stage::Cascade)
      .Case("fold", Stage::Fold)
      .Case("smt2", Stage::Proofs)
      .Case("schedule", Stage::Schedule)
      .Case("device", Stage::Device)
      .Case("mlir", Stage::Loops)
      .Case("llvm", Stage::LLVM)
      .Case("ll", Stage::LLVMIR)
      .Case("s", Stage::Assembly)
      .Case("o", Stage::Object)
      .Case("ptx", Stage::Ptx)
      .Case("cubin", Stage::Cubin)
      .Default(std::nullopt);
}

std::optional<Stage> einfall::driver::stageOfPath(StringRef path) {
  return llvm::StringSwitch<std::optional<Stage>>(
             llvm::sys::path::extension(path))
      .Case(".smt2", Stage::Proofs)
      .Case(".mlir", Stage::Loops)
      .Case(".ll", Stage::LLVMIR)
      .Case(".s", Stage::Assembly)
      .Case(".o", Stage::Object)
      .Case(".ptx", Stage::Ptx)
      .Case(".cubin", Stage::Cubin)
      .Default(std::nullopt);
}

StringRef einfall::driver::stageName(Stage stage) {
  switch (stage) {
  case Stage::Cascade:
    return "cascade";
  case Stage::Fold:
    return "fold";
  case Stage::Proofs:
    return "proofs";
  case Stage::Schedule:
    return "schedule";
  case Stage::Device:
    return "device";
  case Stage::Loops:
    return "loops";
  case Stage::LLVM:
    return "llvm";
  case Stage::LLVMIR:
    return "optimised";
  case Stage::Assembly:
    return "assembly";
  case Stage::Object:
    return "object";
  case Stage::Ptx:
    return "ptx";
  case Stage::Cubin:
    return "cubin";
  }
  return "";
}

StringRef einfall::driver::stageSuffix(Stage stage) {
  switch (stage) {
  case Stage::Proofs:
    return ".smt2";
  case Stage::LLVMIR:
    return ".ll";
  case Stage::Assembly:
    return ".s";
  case Stage::Object:
    return ".o";
  case Stage::Ptx:
    return ".ptx";
  case Stage::Cubin:
    return ".cubin";
  default:
    return ".mlir";
  }
}
