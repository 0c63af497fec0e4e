//===- JitLink.cpp - The assembler as a library ---------------------------===//

#include "codegen/nvidia/JitLink.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"

#include <dlfcn.h>

using namespace einfall;
using namespace einfall::nvidia;
using llvm::StringRef;

namespace {
/// The functions that we call, with the types of nvJitLink.h (12.0 and later).
struct Library {
  using Handle = void *;
  int (*version)(unsigned *, unsigned *);
  int (*create)(Handle *, uint32_t, const char **);
  int (*destroy)(Handle *);
  int (*add)(Handle, int, const void *, size_t, const char *);
  int (*complete)(Handle);
  int (*cubinSize)(Handle, size_t *);
  int (*cubin)(Handle, void *);
  int (*errorSize)(Handle, size_t *);
  int (*error)(Handle, char *);
  int (*infoSize)(Handle, size_t *);
  int (*info)(Handle, char *);
  ToolVersion number;

  static constexpr int ptxInput = 2; // NVJITLINK_INPUT_PTX

  static llvm::Expected<Library> open(StringRef path);
};
} // namespace

/// Most functions carry in their names the version that brought them, of the
/// library's major version.
static void *findSymbol(void *handle, StringRef name,
                        const ToolVersion &version) {
  if (void *symbol = dlsym(handle, name.str().c_str()))
    return symbol;
  for (int minor = version.minor; minor >= 0; --minor)
    if (void *symbol = dlsym(
            handle, llvm::formatv("__{0}_{1}_{2}", name, version.major, minor)
                        .str()
                        .c_str()))
      return symbol;
  return nullptr;
}

llvm::Expected<Library> Library::open(StringRef path) {
  void *handle = dlopen(path.str().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return llvm::createStringError("cannot open '" + path + "': " + dlerror());
  Library library = {};
  bool complete = true;
  auto find = [&](auto &function, StringRef name) {
    void *symbol = findSymbol(handle, name, library.number);
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
    complete &= symbol != nullptr;
  };
  find(library.version, "nvJitLinkVersion");
  if (!complete ||
      library.version(&library.number.major, &library.number.minor))
    return llvm::createStringError("'" + path + "' is no nvJitLink");
  find(library.create, "nvJitLinkCreate");
  find(library.destroy, "nvJitLinkDestroy");
  find(library.add, "nvJitLinkAddData");
  find(library.complete, "nvJitLinkComplete");
  find(library.cubinSize, "nvJitLinkGetLinkedCubinSize");
  find(library.cubin, "nvJitLinkGetLinkedCubin");
  find(library.errorSize, "nvJitLinkGetErrorLogSize");
  find(library.error, "nvJitLinkGetErrorLog");
  find(library.infoSize, "nvJitLinkGetInfoLogSize");
  find(library.info, "nvJitLinkGetInfoLog");
  if (!complete)
    return llvm::createStringError(
        llvm::formatv("'{0}' (version {1}.{2}) lacks functions that it should "
                      "have",
                      path, library.number.major, library.number.minor));
  return library;
}

llvm::Expected<ToolVersion> einfall::nvidia::jitLinkVersion(StringRef path) {
  auto library = Library::open(path);
  if (!library)
    return library.takeError();
  return library->number;
}

using SizeFunction = int (*)(void *, size_t *);
using TextFunction = int (*)(void *, char *);

static std::string readLog(void *link, SizeFunction size, TextFunction text) {
  size_t bytes = 0;
  if (size(link, &bytes) || !bytes)
    return "";
  std::string log(bytes, '\0');
  if (text(link, log.data()))
    return "";
  log.resize(log.find('\0') == std::string::npos ? bytes : log.find('\0'));
  return log;
}

llvm::Expected<Assembly>
einfall::nvidia::runJitLink(StringRef path, StringRef ptx,
                            const GpuTarget &target,
                            const AssembleOptions &options) {
  auto library = Library::open(path);
  if (!library)
    return library.takeError();
  std::string architecture = "-arch=" + target.name.str();
  std::vector<const char *> arguments = {architecture.c_str(), "-verbose",
                                         "-O3"};
  for (const std::string &argument : options.arguments)
    arguments.push_back(argument.c_str());
  void *link = nullptr;
  if (int code = library->create(&link, arguments.size(), arguments.data()))
    return llvm::createStringError(llvm::formatv(
        "'{0}' does not take its options (error {1})", path, code));
  llvm::scope_exit destroy([&] { library->destroy(&link); });

  std::string text = ptx.str(); // with the zero that ends it
  int code = library->add(link, Library::ptxInput, text.c_str(),
                          text.size() + 1, "einfall.ptx");
  if (!code)
    code = library->complete(link);
  if (code)
    return llvm::createStringError(llvm::formatv(
        "'{0}' failed with error {1}:\n{2}", path, code,
        StringRef(readLog(link, library->errorSize, library->error)).trim()));
  size_t size = 0;
  Assembly assembly;
  if (!library->cubinSize(link, &size))
    assembly.cubin.resize(size);
  if (!size || library->cubin(link, assembly.cubin.data()))
    return llvm::createStringError("'" + path + "' wrote no cubin");
  assembly.report =
      parseAssemblyLog(readLog(link, library->infoSize, library->info));
  return assembly;
}
