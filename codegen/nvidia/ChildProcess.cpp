//===- ChildProcess.cpp - A program that can be killed --------------------===//

#include "codegen/nvidia/ChildProcess.h"

#include "llvm/Support/FormatVariadic.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace einfall::nvidia;

extern char **environ;

static llvm::Error failed(const std::string &program, const llvm::Twine &why) {
  return llvm::createStringError("'" + program + "' " + why);
}

/// Reads to the end of the pipe; false where the time is over first.
static bool drain(int pipe, double seconds, std::string &output) {
  using Clock = std::chrono::steady_clock;
  auto until = Clock::now() + std::chrono::duration<double>(seconds);
  while (true) {
    double left = std::chrono::duration<double>(until - Clock::now()).count();
    if (left <= 0)
      return false;
    struct pollfd ready = {pipe, POLLIN, 0};
    int count = ::poll(&ready, 1, static_cast<int>(left * 1000) + 1);
    if (count < 0 && errno != EINTR)
      return false;
    if (count <= 0)
      continue;
    char buffer[4096];
    ssize_t size = ::read(pipe, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return true;
    output.append(buffer, size);
  }
}

llvm::Expected<ChildResult>
einfall::nvidia::runChild(const std::vector<std::string> &command,
                          double seconds) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC))
    return failed(command[0], std::string("has no pipe: ") + strerror(errno));
  std::vector<char *> arguments;
  for (const std::string &argument : command)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  pid_t child;
  int error = ::posix_spawn(&child, arguments[0], &actions, nullptr,
                            arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error) {
    ::close(ends[0]);
    return failed(command[0],
                  std::string("cannot be started: ") + strerror(error));
  }

  ChildResult result;
  bool ended = drain(ends[0], seconds, result.output);
  ::close(ends[0]);
  if (!ended)
    ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended)
    return failed(command[0],
                  llvm::formatv("was killed after {0:f1} s", seconds).str());
  if (!WIFEXITED(status))
    return failed(command[0],
                  "was ended by signal " + llvm::Twine(WTERMSIG(status)));
  result.status = WEXITSTATUS(status);
  return result;
}
