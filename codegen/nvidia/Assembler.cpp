//===- Assembler.cpp - From PTX to a cubin --------------------------------===//

#include "codegen/nvidia/Assembler.h"

#include "codegen/nvidia/ChildProcess.h"
#include "codegen/nvidia/JitLink.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::nvidia;
using llvm::StringRef;

static constexpr KnownFault faults[] = {
    {{0, 0, 0},
     {13, 3, 0},
     true,
     "sm_90a",
     "registers of A are reused while an asynchronous wgmma still reads them",
     "Triton issue 9433 and pull request 11781"},
    {{12, 8, 0},
     {13, 1, 80},
     false,
     "sm_90a",
     "wrong results or an invalid shared write in a gated linear kernel",
     "flash-linear-attention pull request 1262"},
};

llvm::ArrayRef<KnownFault> einfall::nvidia::knownFaults() { return faults; }

/// Whether a wgmma takes A from registers: its text then has a second list of
/// registers.
static bool usesRegisterWgmma(StringRef ptx) {
  constexpr StringRef name("wgmma.mma_async");
  for (size_t at = ptx.find(name); at != StringRef::npos;
       at = ptx.find(name, at + 1))
    if (ptx.drop_front(at)
            .take_until([](char c) { return c == ';'; })
            .count('{') > 1)
      return true;
  return false;
}

std::vector<std::string> einfall::nvidia::faultsOf(const ToolVersion &version,
                                                   StringRef ptx,
                                                   const GpuTarget &target) {
  std::vector<std::string> found;
  for (const KnownFault &fault : faults) {
    if (version < fault.from || version >= fault.fixed ||
        (!fault.target.empty() && fault.target != target.name) ||
        (fault.needsRegisterWgmma && !usesRegisterWgmma(ptx)))
      continue;
    found.push_back(llvm::formatv("{0} (fixed in {1}; {2})", fault.what,
                                  fault.fixed.str(), fault.source)
                        .str());
  }
  return found;
}

/// A file that goes away with the object.
namespace {
class TemporaryFile {
public:
  static llvm::Expected<TemporaryFile> create(StringRef suffix,
                                              StringRef content) {
    int descriptor;
    llvm::SmallString<128> path;
    if (std::error_code error = llvm::sys::fs::createTemporaryFile(
            "einfall", suffix, descriptor, path))
      return llvm::createStringError(error, "cannot make a temporary file: " +
                                                error.message());
    TemporaryFile file(path);
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream << content;
    stream.close();
    if (std::error_code error = stream.error()) {
      stream.clear_error();
      return llvm::createStringError(error, "cannot write '" + path +
                                                "': " + error.message());
    }
    return file;
  }
  std::string path() const { return name; }

private:
  explicit TemporaryFile(StringRef path)
      : name(path), remover(std::make_unique<llvm::FileRemover>(path)) {}
  std::string name;
  std::unique_ptr<llvm::FileRemover> remover;
};
} // namespace

static llvm::Expected<Assembly> runProgram(const std::string &path,
                                           StringRef ptx,
                                           const GpuTarget &target,
                                           const AssembleOptions &options) {
  auto input = TemporaryFile::create("ptx", ptx);
  if (!input)
    return input.takeError();
  auto output = TemporaryFile::create("cubin", "");
  if (!output)
    return output.takeError();
  std::vector<std::string> command = {
      path,          "-v", "-O3",         "-arch=" + target.name.str(),
      input->path(), "-o", output->path()};
  llvm::append_range(command, options.arguments);
  auto result = runChild(command, options.seconds);
  if (!result)
    return result.takeError();
  if (result->status)
    return llvm::createStringError(
        llvm::formatv("'{0}' failed with status {1}:\n{2}", path,
                      result->status, StringRef(result->output).trim()));
  auto bytes = llvm::MemoryBuffer::getFile(output->path(), /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes || !(*bytes)->getBufferSize())
    return llvm::createStringError("'" + path + "' wrote no cubin");
  Assembly assembly;
  assembly.cubin.assign((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
  assembly.report = parseAssemblyLog(result->output);
  return assembly;
}

llvm::Expected<Assembly>
Assembler::assemble(StringRef ptx, const GpuTarget &target,
                    const AssembleOptions &options) const {
  auto assembly = kind == Kind::Program
                      ? runProgram(path, ptx, target, options)
                      : runJitLink(path, ptx, target, options);
  if (!assembly)
    return assembly.takeError();
  assembly->report.tool = path;
  assembly->report.version = version;
  assembly->report.faults = faultsOf(version, ptx, target);
  return assembly;
}
