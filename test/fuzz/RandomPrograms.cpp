//===- RandomPrograms.cpp - Random programs, run in several ways ----------===//
//
//   einfall_fuzz_programs --count N | --minutes N  [--seed S] [--device D]
//                         [--failures DIR] [--least PERCENT]
//   einfall_fuzz_programs --show SEED [--device D]
//   einfall_fuzz_programs --reduce SEED [--device D]
//
// Programs S, S + 1, ... (Differential.h), in a process of their own, so that
// one that crashes or does not end (60 s) is reported and the next ones are
// run. Each eighth runs on an emulated GPU instead of the processor. Faults are
// written to DIR. Exit status: 0 if there were none and at least that share of
// programs was accepted.
//
//===----------------------------------------------------------------------===//

#include "test/fuzz/Differential.h"
#include "test/fuzz/RandomProgram.h"
#include "test/fuzz/Reduce.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace einfall::fuzz;

namespace {
struct Request {
  uint64_t seed = 1, count = ~uint64_t(0);
  double minutes = 0;
  std::string device, failures;
  unsigned least = 0;
  bool show = false, reduce = false;
};
} // namespace

static bool parse(int argc, char **argv, Request &request) {
  for (int i = 1; i < argc; i += 2) {
    std::string option = argv[i];
    if (i + 1 == argc)
      return false;
    const char *value = argv[i + 1];
    if (option == "--count")
      request.count = std::strtoull(value, nullptr, 10);
    else if (option == "--minutes")
      request.minutes = std::strtod(value, nullptr);
    else if (option == "--seed" || option == "--show" || option == "--reduce")
      request.seed = std::strtoull(value, nullptr, 10);
    else if (option == "--device")
      request.device = value;
    else if (option == "--failures")
      request.failures = value;
    else if (option == "--least")
      request.least = std::strtoul(value, nullptr, 10);
    else
      return false;
    request.show |= option == "--show";
    request.reduce |= option == "--reduce";
  }
  return request.show || request.reduce || request.minutes > 0 ||
         request.count != ~uint64_t(0);
}

static std::string deviceOf(const Request &request, uint64_t seed) {
  if (!request.device.empty())
    return request.device;
  return seed % 8 ? "cpu" : seed % 16 ? "emulated:sm_80" : "emulated:sm_90a";
}

/// Reports a fault, and keeps it.
static void report(const Request &request, uint64_t seed,
                   const std::string &text) {
  std::fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed,
               text.c_str());
  if (request.failures.empty())
    return;
  std::filesystem::create_directories(request.failures);
  std::ofstream(request.failures + "/" + std::to_string(seed) + ".txt")
      << text << RandomProgram::draw(seed).text;
}

/// Runs programs from `seed` on and writes a letter for each.
static void work(const Request &request, uint64_t seed, uint64_t end,
                 std::time_t until, int out) {
  for (; seed != end && (!until || std::time(nullptr) < until); ++seed) {
    alarm(60);
    Trial trial =
        tryProgram(RandomProgram::draw(seed), seed, deviceOf(request, seed));
    if (trial.outcome == Outcome::Differed)
      report(request, seed, trial.text);
    if (trial.outcome == Outcome::Refused)
      std::fprintf(stderr, "seed %llu: refused by the compiler: %s\n",
                   (unsigned long long)seed,
                   trial.text.substr(0, trial.text.find('\n')).c_str());
    char letter = static_cast<char>(trial.outcome);
    if (write(out, &letter, 1) != 1)
      break;
  }
  _exit(0);
}

/// Prints the smallest program with the fault of the one drawn, and what is
/// said of it.
static int reduceFault(const Request &request) {
  std::string device = deviceOf(request, request.seed);
  auto attempt = [&](const std::string &text) {
    return tryProgram({text, text}, request.seed, device);
  };
  auto kind = [](const Trial &trial) {
    return trial.text.substr(0, trial.text.find(' '));
  };
  std::string text = RandomProgram::draw(request.seed).twin;
  Trial first = attempt(text);
  if (first.outcome != Outcome::Differed) {
    std::fprintf(stderr, "error: the twin of %llu has no fault by itself\n",
                 (unsigned long long)request.seed);
    return 1;
  }
  text = reduce(text, [&](const std::string &smaller) {
    Trial trial = attempt(smaller);
    return trial.outcome == Outcome::Differed && kind(trial) == kind(first);
  });
  std::printf("%s---\n%s", text.c_str(), attempt(text).text.c_str());
  return 0;
}

int main(int argc, char **argv) {
  Request request;
  if (!parse(argc, argv, request)) {
    std::fprintf(
        stderr,
        "usage: %s --count N | --minutes N [--seed S] [--device D] "
        "[--failures DIR] [--least PERCENT] | --show SEED | --reduce SEED\n",
        argv[0]);
    return 2;
  }
  if (request.reduce)
    return reduceFault(request);
  if (request.show) {
    RandomProgram drawn = RandomProgram::draw(request.seed);
    Trial trial =
        tryProgram(drawn, request.seed, deviceOf(request, request.seed));
    std::printf("%s---\n%s---\n%c\n%s", drawn.text.c_str(), drawn.twin.c_str(),
                static_cast<char>(trial.outcome), trial.text.c_str());
    return trial.outcome == Outcome::Differed;
  }
  std::time_t until = 0;
  if (request.minutes > 0)
    until = std::time(nullptr) + std::time_t(request.minutes * 60);
  uint64_t seed = request.seed, end = seed + request.count;
  std::map<char, uint64_t> counts;
  uint64_t crashed = 0;
  while (seed != end && (!until || std::time(nullptr) < until)) {
    // A process for 200 programs: what leaks does not add up.
    uint64_t last = end - seed > 200 ? seed + 200 : end;
    int ends[2];
    if (pipe(ends) != 0)
      return 1;
    pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      work(request, seed, last, until, ends[1]);
    }
    close(ends[1]);
    char letter;
    while (read(ends[0], &letter, 1) == 1) {
      ++counts[letter];
      ++seed;
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
      continue;
    ++crashed;
    report(request, seed,
           WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
               ? "does not end in 60 s\n"
               : "crashes\n");
    ++seed;
  }
  uint64_t agreed = counts['a'], refused = counts['n'],
           unevaluated = counts['u'], differed = counts['d'],
           rejected = counts['r'];
  uint64_t accepted = agreed + refused + unevaluated + differed + crashed;
  uint64_t all = accepted + rejected;
  double share = all ? 100.0 * double(accepted) / double(all) : 0;
  std::printf(
      "%llu programs, %.0f %% accepted: %llu agree, %llu refused by the "
      "compiler, %llu not evaluated, %llu differ, %llu crash\n",
      (unsigned long long)all, share, (unsigned long long)agreed,
      (unsigned long long)refused, (unsigned long long)unevaluated,
      (unsigned long long)differed, (unsigned long long)crashed);
  return differed || crashed || share < request.least;
}
