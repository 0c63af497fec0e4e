//===- Solver.cpp - Asks a solver, with a clock on the wall ---------------===//

#include "passes/Certificate/Inequalities.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace einfall::certificate {

static bool isProgram(const std::string &path) {
  return !path.empty() && ::access(path.c_str(), X_OK) == 0;
}

std::string findSolver(const std::string &solver) {
  if (!solver.empty())
    return isProgram(solver) ? solver : "";
  char self[4096];
  ssize_t length = ::readlink("/proc/self/exe", self, sizeof(self));
  if (length > 0) {
    std::string folder(self, length);
    std::string beside = folder.substr(0, folder.rfind('/') + 1) + "z3";
    if (isProgram(beside))
      return beside;
  }
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && isProgram(folder + "/z3"))
      return folder + "/z3";
  return "";
}

namespace {

/// A child that reads and writes one socket; killed when this ends.
class Child {
public:
  bool start(const std::string &program) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
      return false;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    std::string name = program, input = "-in", memory = "-memory:1024";
    char *arguments[] = {name.data(), input.data(), memory.data(), nullptr};
    int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr,
                               arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    socket = ends[0];
    if (failed)
      pid = -1;
    return !failed;
  }

  ~Child() {
    if (pid > 0) {
      ::kill(pid, SIGKILL);
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    if (socket >= 0)
      ::close(socket);
  }

  /// Sends all of `text` and reads to the end or to the deadline.
  std::string talk(const std::string &text,
                   std::chrono::steady_clock::time_point deadline) {
    size_t sent = 0;
    std::string output;
    while (true) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return output;
      short events = sent < text.size() ? POLLIN | POLLOUT : POLLIN;
      pollfd ready = {socket, events, 0};
      int count = ::poll(&ready, 1, static_cast<int>(left.count()) + 1);
      if (count < 0 && errno != EINTR)
        return output;
      if (count <= 0)
        continue;
      if (ready.revents & POLLOUT) {
        ssize_t size = ::send(socket, text.data() + sent, text.size() - sent,
                              MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0)
          sent += size;
        if (sent == text.size())
          ::shutdown(socket, SHUT_WR);
      }
      if (ready.revents & (POLLIN | POLLHUP | POLLERR)) {
        char buffer[4096];
        ssize_t size = ::recv(socket, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
          return output;
        if (size > 0)
          output.append(buffer, size);
      }
    }
  }

private:
  pid_t pid = -1;
  int socket = -1;
};

} // namespace

Result<std::vector<Answer>> solve(const std::vector<Inequality> &inequalities,
                                  const std::string &solver, double seconds) {
  std::string program = findSolver(solver);
  if (program.empty())
    return Failure{solver.empty() ? "no solver: install z3, or name one"
                                  : "no solver at '" + solver + "'"};
  std::vector<Answer> answers(inequalities.size(), Answer::Unknown);
  std::string text;
  for (const Inequality &inequality : inequalities)
    text += inequality.script() + "(reset)\n";
  Child child;
  if (!child.start(program))
    return Failure{"'" + program + "' cannot be started"};
  auto limit = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
  std::istringstream lines(
      child.talk(text, std::chrono::steady_clock::now() + limit));
  size_t next = 0;
  for (std::string line; next < answers.size() && std::getline(lines, line);
       ++next)
    answers[next] = line == "unsat" ? Answer::Unsat
                    : line == "sat" ? Answer::Sat
                                    : Answer::Unknown;
  return answers;
}

} // namespace einfall::certificate
