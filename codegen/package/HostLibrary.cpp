//===- HostLibrary.cpp - CPU code that needs no compiler ------------------===//

#include "codegen/package/HostLibrary.h"

#include "codegen/nvidia/ChildProcess.h"
#include "runtime/core/HostFeatures.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <dlfcn.h>
#include <link.h>

using namespace einfall;

cpu::CpuTarget einfall::package::packagedCpu() {
  cpu::CpuTarget target = cpu::CpuTarget::host();
  if (!llvm::Triple(target.triple).isX86()) {
    target.processor = target.features = "";
    return target;
  }
  std::vector<std::string> wanted = packagedFeatures();
  llvm::SubtargetFeatures features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures()) {
    llvm::StringRef name = feature.getKey();
    // What every x86-64 has, or has no instructions of its own.
    static constexpr llvm::StringRef base[] = {"64bit", "cmov", "cx8",  "fxsr",
                                               "mmx",   "sse",  "sse2", "sahf"};
    if (!llvm::is_contained(base, name))
      features.AddFeature(name, llvm::is_contained(wanted, name));
  }
  target.features = features.getString();
  return target;
}

std::vector<std::string> einfall::package::packagedFeatures() {
  std::vector<std::string> names;
  for (const runtime::HostFeature &feature : runtime::hostFeatures())
    if (feature.present)
      names.emplace_back(feature.name);
  return names;
}

char package::LinkerMissing::ID;

void package::LinkerMissing::log(llvm::raw_ostream &os) const {
  os << "no linker is found; install lld, or binutils for its ld";
}

std::error_code package::LinkerMissing::convertToErrorCode() const {
  return std::make_error_code(std::errc::no_such_file_or_directory);
}

/// The file of a library of this process; empty where it is not there.
/// (Functions do not tell: in a program that is linked to fixed addresses they
/// are its own.)
static std::string fileOf(const char *library) {
  void *handle = dlopen(library, RTLD_LAZY);
  if (!handle)
    return "";
  struct link_map *map = nullptr;
  std::string path;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_name)
    path = map->l_name;
  dlclose(handle);
  return path;
}

/// A temporary file that goes when this does.
namespace {
class Temporary {
public:
  ~Temporary() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
  llvm::Error create(llvm::StringRef suffix, llvm::StringRef content) {
    int file;
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("einfall", suffix, file, path))
      return llvm::createStringError("cannot make a temporary file: " +
                                     code.message());
    llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
    os << content;
    os.close();
    if (!os.has_error())
      return llvm::Error::success();
    std::error_code code = os.error();
    os.clear_error();
    return llvm::createStringError("cannot write " + path.str() + ": " +
                                   code.message());
  }
  llvm::SmallString<128> path;
};
} // namespace

llvm::Expected<std::string>
einfall::package::linkShared(llvm::StringRef object,
                             const LinkOptions &options) {
  std::string linker;
  for (const char *name : {"ld.lld-22", "ld.lld", "ld"})
    if (auto path = llvm::sys::findProgramByName(name)) {
      linker = *path;
      break;
    }
  if (linker.empty())
    return llvm::make_error<LinkerMissing>();
  Temporary input, output, library;
  if (auto error = input.create("o", object))
    return error;
  if (auto error = output.create("so", ""))
    return error;
  // The libraries by their files: development packages need not be there.
  std::vector<std::string> command = {linker,
                                      "-shared",
                                      "-z",
                                      "defs",
                                      "-z",
                                      "now",
                                      "-z",
                                      "noexecstack",
                                      "--strip-all",
                                      "-o",
                                      output.path.str().str(),
                                      input.path.str().str()};
  if (!options.soname.empty())
    command.insert(command.end(), {"-soname", options.soname});
  if (!options.runPath.empty())
    command.insert(command.end(), {"-rpath", options.runPath});
  if (!options.library.empty()) {
    if (auto error = library.create("so", options.library))
      return error;
    command.push_back(library.path.str().str());
  }
  for (const char *library : {"libm.so.6", "libc.so.6"})
    if (std::string file = fileOf(library); !file.empty())
      command.push_back(file);
  auto child = nvidia::runChild(command, /*seconds=*/60);
  if (!child)
    return child.takeError();
  if (child->status != 0)
    return llvm::createStringError(
        "'" + linker + "' failed: " + llvm::StringRef(child->output).trim());
  auto bytes = llvm::MemoryBuffer::getFile(output.path, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes)
    return llvm::createStringError("cannot read " + output.path.str() + ": " +
                                   bytes.getError().message());
  return (*bytes)->getBuffer().str();
}
