//===- AssemblerSearch.cpp - Which assemblers this machine has ------------===//

#include "codegen/nvidia/Assembler.h"
#include "codegen/nvidia/ChildProcess.h"
#include "codegen/nvidia/JitLink.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <cstdlib>

using namespace einfall::nvidia;
using llvm::StringRef;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// Entries of a folder whose names start so.
static std::vector<std::string> entries(const llvm::Twine &folder,
                                        StringRef start) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    if (path::filename(at->path()).starts_with(start))
      found.push_back(at->path());
  llvm::sort(found);
  return found;
}

static void addToolkit(const std::string &root,
                       std::vector<std::string> &found) {
  if (root.empty())
    return;
  found.push_back(root + "/bin/ptxas");
  for (const char *folder : {"/lib64", "/lib"})
    llvm::append_range(found, entries(root + folder, "libnvJitLink.so."));
}

/// Python packages under a prefix: nvidia/*, and what Triton brings.
static void addPython(const std::string &prefix,
                      std::vector<std::string> &found) {
  if (prefix.empty())
    return;
  for (const std::string &python : entries(prefix + "/lib", "python3"))
    for (const char *packages : {"/site-packages", "/dist-packages"}) {
      for (const std::string &package :
           entries(python + packages + "/nvidia", ""))
        addToolkit(package, found);
      found.push_back(python + packages + "/triton/backends/nvidia/bin/ptxas");
    }
}

static std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

static std::vector<std::string> places() {
  std::vector<std::string> found;
  if (auto program = llvm::sys::findProgramByName("ptxas"))
    found.push_back(*program);
  addToolkit(variable("CUDA_HOME"), found);
  addToolkit(variable("CUDA_PATH"), found);
  for (const std::string &root : entries("/usr/local", "cuda"))
    addToolkit(root, found);
  addPython(variable("VIRTUAL_ENV"), found);
  addPython(variable("CONDA_PREFIX"), found);
  if (auto python = llvm::sys::findProgramByName("python3"))
    addPython(path::parent_path(path::parent_path(*python)).str(), found);
  addPython("/usr", found);
  addPython("/usr/local", found);
  addPython(variable("HOME") + "/.local", found);
  return found;
}

llvm::Expected<Assembler> Assembler::open(StringRef file) {
  if (!fs::exists(file))
    return llvm::createStringError("there is no '" + file + "'");
  if (path::filename(file).starts_with("libnvJitLink")) {
    auto version = jitLinkVersion(file);
    if (!version)
      return version.takeError();
    return Assembler(Kind::Library, file.str(), *version);
  }
  auto result = runChild({file.str(), "--version"}, /*seconds=*/20);
  if (!result)
    return result.takeError();
  // "Cuda compilation tools, release 13.0, V13.0.88"
  StringRef output = result->output;
  size_t at = output.find(", V");
  if (result->status == 0 && at != StringRef::npos)
    if (auto version = ToolVersion::parse(output.drop_front(at + 3)))
      return Assembler(Kind::Program, file.str(), *version);
  return llvm::createStringError("'" + file + "' is no ptxas");
}

std::vector<Assembler> Assembler::candidates() {
  std::vector<Assembler> found;
  std::vector<std::string> seen;
  for (const std::string &place : places()) {
    llvm::SmallString<128> real;
    if (fs::real_path(place, real) || llvm::is_contained(seen, real.str()))
      continue;
    seen.push_back(real.str().str());
    if (auto assembler = open(real))
      found.push_back(std::move(*assembler));
    else // one that does not run is passed over, as if it were not there
      llvm::consumeError(assembler.takeError());
  }
  // A library says no build number: it ranks below the program of its minor
  // version.
  llvm::stable_sort(found, [](const Assembler &a, const Assembler &b) {
    return a.version > b.version;
  });
  return found;
}

llvm::Expected<Assembler> Assembler::find() {
  if (std::string chosen = variable("EINFALL_PTXAS"); !chosen.empty()) {
    auto assembler = open(chosen);
    if (!assembler)
      return llvm::createStringError("EINFALL_PTXAS is of no use: " +
                                     llvm::toString(assembler.takeError()));
    return assembler;
  }
  std::vector<Assembler> found = candidates();
  if (found.empty())
    return llvm::createStringError(
        "no assembler for NVIDIA's chips found: neither ptxas nor "
        "libnvJitLink; install CUDA 12 or later, or the Python package "
        "nvidia-cuda-nvcc, or name one in EINFALL_PTXAS");
  return found.front();
}
