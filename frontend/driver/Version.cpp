//===- Version.cpp - Versions, and what happens at a crash ----------------===//

#include "frontend/driver/Version.inc"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Tools.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace einfall::driver;

std::string einfall::driver::firstLine(llvm::StringRef program,
                                       llvm::StringRef argument) {
  auto path = llvm::sys::findProgramByName(program);
  llvm::SmallString<128> file;
  if (!path || llvm::sys::fs::createTemporaryFile("einfall", "txt", file))
    return "";
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), file.str(),
                                                llvm::StringRef("")};
  std::string line;
  if (!llvm::sys::ExecuteAndWait(*path, {*path, argument}, std::nullopt,
                                 redirects, /*SecondsToWait=*/5))
    if (auto buffer = llvm::MemoryBuffer::getFile(file))
      line = (*buffer)->getBuffer().split('\n').first.str();
  llvm::sys::fs::remove(file);
  return line;
}

int einfall::driver::version() {
  llvm::outs() << "einfall " EINFALL_VERSION " (" EINFALL_GIT_HASH ")\n"
               << "LLVM " LLVM_VERSION_STRING "\n";
  std::string solver = firstLine("z3", "--version");
  llvm::outs() << (solver.empty() ? "Z3 not found" : solver) << "\n";
  return exitSuccess;
}

//===----------------------------------------------------------------------===//
// Crashes
//===----------------------------------------------------------------------===//

// What the handler needs, prepared before: it may neither allocate nor lock.
static std::string crashSource;
static char crashPath[4096];

static void put(const char *text) {
  [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
}

static void leaveReproducer() {
  put("einfall: internal error");
  int file = open(crashPath, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (file >= 0 && write(file, crashSource.data(), crashSource.size()) ==
                       static_cast<ssize_t>(crashSource.size())) {
    put("; the source that led to it: ");
    put(crashPath);
  }
  put("\n");
  _exit(exitInternal);
}

void einfall::driver::installCrashHandler(const std::string &file) {
  if (file != "-")
    if (auto buffer = llvm::MemoryBuffer::getFile(file))
      crashSource = (*buffer)->getBuffer().str();
  const char *folder = getenv("TMPDIR");
  snprintf(crashPath, sizeof crashPath, "%s/einfall-crash-%d%s",
           folder && *folder ? folder : "/tmp", static_cast<int>(getpid()),
           llvm::StringRef(file).ends_with(".mlir") ? ".mlir" : ".ein");
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) {
    put(reason);
    put("\n");
    leaveReproducer();
  });
  // The stack may be exhausted: the handler has one of its own.
  static char stack[65536];
  stack_t alternative{};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = [](int) { leaveReproducer(); };
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    sigaction(signal, &action, nullptr);
}
