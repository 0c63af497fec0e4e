//===- SolverProcess.cpp - A solver that can be killed --------------------===//

#include "passes/Proof/SolverProcess.h"

#include "passes/Proof/Clock.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using llvm::StringRef;

namespace einfall::proof {

static llvm::Error error(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

SolverProcess::SolverProcess(std::vector<std::string> command,
                             uint64_t memoryBytes)
    : command(std::move(command)), memoryBytes(memoryBytes) {}

SolverProcess::~SolverProcess() { stop(); }

void SolverProcess::start() {
  if (child != -1)
    return;
  startError.clear();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
    startError = std::string("no socket: ") + std::strerror(errno);
    return;
  }
  // Everything that allocates is done before the fork: other threads may hold
  // locks.
  std::vector<char *> arguments;
  for (std::string &argument : command)
    arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  struct rlimit memory = {memoryBytes, memoryBytes}, none = {0, 0};
  pid_t parent = ::getpid();

  pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
      ::_exit(127);
    ::setrlimit(RLIMIT_AS, &memory);
    ::setrlimit(RLIMIT_CORE, &none);
    ::dup2(ends[1], STDIN_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    int sink = ::open("/dev/null", O_WRONLY);
    if (sink >= 0)
      ::dup2(sink, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid < 0) {
    startError = std::string("no process: ") + std::strerror(errno);
    ::close(ends[0]);
    return;
  }
  child = pid;
  socket = ends[0];
  ++numStarts;
}

void SolverProcess::stop() {
  if (child == -1)
    return;
  ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::close(socket);
  child = socket = -1;
}

/// Milliseconds that poll may wait.
static int remaining(double until) {
  double left = until - now();
  return left <= 0 ? 0 : static_cast<int>(left * 1000) + 1;
}

llvm::Error SolverProcess::send(StringRef text, double until) {
  while (!text.empty()) {
    struct pollfd ready = {socket, POLLOUT, 0};
    int count = ::poll(&ready, 1, remaining(until));
    if (count < 0 && errno == EINTR)
      continue;
    if (count == 0)
      return error("does not read");
    ssize_t sent =
        ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (sent < 0)
      return error("has ended");
    text = text.drop_front(sent);
  }
  return llvm::Error::success();
}

llvm::Expected<std::string> SolverProcess::ask(StringRef script,
                                               double seconds) {
  start();
  if (child == -1)
    return error(startError);
  // Whatever goes wrong leaves a process in an unknown state.
  llvm::scope_exit stopOnFailure([&] { stop(); });
  double until = now() + seconds;
  std::string mark = llvm::formatv("einfall-{0}", ++numQueries);
  std::string text = (script + "\n(echo \"" + mark + "\")\n").str();
  if (llvm::Error failure = send(text, until))
    return error("the solver " + llvm::toString(std::move(failure)));

  std::string output;
  while (true) {
    struct pollfd ready = {socket, POLLIN, 0};
    int count = ::poll(&ready, 1, remaining(until));
    if (count < 0 && errno == EINTR)
      continue;
    if (count == 0)
      return error(llvm::formatv("killed after {0:f1} s", seconds).str());
    char buffer[4096];
    ssize_t size = ::recv(socket, buffer, sizeof(buffer), 0);
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return error("the solver '" + command.front() +
                   "' ended without an answer");
    output.append(buffer, size);
    StringRef answer = StringRef(output).rtrim();
    if (answer.consume_back(mark) || answer.consume_back("\"" + mark + "\"")) {
      stopOnFailure.release();
      return answer.rtrim().str();
    }
  }
}

} // namespace einfall::proof
