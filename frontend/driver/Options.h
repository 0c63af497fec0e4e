//===- Options.h - What the command line asks for ---------------*- C++ -*-===//
//
// One struct of plain values for every command. The command line fills it, the
// commands read it; neither sees the other's libraries.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_OPTIONS_H
#define EINFALL_FRONTEND_DRIVER_OPTIONS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace einfall::driver {

/// Exit codes of every command.
enum ExitCode : int {
  exitSuccess = 0,
  exitInput = 1,        ///< a diagnosed error in what was given
  exitUsage = 2,        ///< the command line itself
  exitMissing = 3,      ///< a device or a tool that is not there
  exitInternal = 70,    ///< a fault of the compiler
  exitInterrupted = 130 ///< Ctrl-C; what was measured is kept
};

/// Numbers of a schedule; 0: open.
struct ChosenSchedule {
  std::vector<std::pair<std::string, int64_t>> tiles; ///< by rank
  int64_t rowVectors = 0, stages = 0;
};

struct Options {
  enum class Format { Text, Json };

  std::string file; ///< "-" is standard input
  std::string kernel;
  Format diagnostics = Format::Text;
  bool quiet = false; ///< no line of progress
  /// Extents bound by -D.
  std::map<std::string, int64_t> defines;
  std::string dumpDir;

  // check
  bool explicitSums = false;

  // check-certificate
  bool useSolver = true; ///< prove the inequalities that bounds rest on

  // explain, bench
  bool json = false;

  // explain
  std::string html;        ///< a page; "-" is standard output
  std::string certificate; ///< of the bounds, as JSON
  /// Run on the emulated device what is explained, and count what it moves.
  bool count = false;
  // explain, compile
  /// Skip the proofs: the derivation is used unproved, and said to be.
  bool prove = true;
  double proofSeconds = 10; ///< wall-clock limit of one query
  /// Compile the cascade as written, pass by pass, without derivation.
  bool asWritten = false;
  /// Let GPUs round f32 operands of contractions to tf32.
  bool tf32 = false;
  /// Parts that GPUs split streams into; 0: as many as there is room for, 1:
  /// none, and rows of several items do not share a block.
  unsigned splits = 0;

  // run, bench
  /// Names and files (frontend/driver/TensorFile.h); without a name all that a
  /// .safetensors file has, or takes.
  std::vector<std::pair<std::string, std::string>> inputs, outputs;
  std::map<std::string, double> params;
  std::optional<uint64_t> seed; ///< --random
  /// How random inputs are drawn and laid out (dialect/Interpreter/Random.h).
  std::string pattern = "normal", layout = "dense";
  bool verify = false;
  /// Run the kernel as written, by the reference interpreter.
  bool interpret = false;
  std::string device = "cpu";
  /// What code for the CPU is compiled for (codegen/cpu/CpuTarget.h).
  std::string processor = "native";
  bool counters = false;   ///< print what an emulated device counted
  uint64_t deviceSeed = 0; ///< of an emulated device: who goes on, what lands
  unsigned threads = 0;    ///< 0: one for every processor

  // bench
  unsigned repetitions = 0; ///< 0: as many as fill about two seconds
  /// Launch once for every line on standard input.
  bool serve = false;

  // compile
  std::string output; ///< "-" is standard output
  std::string emit;   ///< a stage; empty: by the output's suffix
  std::string target = "cpu";
  /// Of a package: all --target, in order.
  std::vector<std::string> targets;
  std::string header; ///< declares the package that `output` embeds
  bool source = true; ///< put the source into a package

  // compile, tune
  std::string tuned; ///< results of `tune` that say the schedules
  /// Schedules in place of the source's, by kernel.
  std::map<std::string, ChosenSchedule> schedules;

  // tune
  unsigned top = 8;    ///< how many candidates; 0: all that fit
  double seconds = 10; ///< of measuring
  bool spread = false; ///< half of the candidates from the whole space
  bool hold = false;   ///< wait for a line before timing
  std::vector<std::string> merge;
  std::string replay;

  // inspect
  bool details = false; ///< every version and part

  // compile, explain, run, bench
  /// The machine that schedules of GPUs are chosen for: one that is built in or
  /// a file's; empty: the target's own.
  std::string machine;

  // explain
  /// Sizes to compare with the plan's: `tile.m` is keys or rows along m.
  std::vector<std::pair<std::string, int64_t>> whyNot;
};

/// What `--target` takes: "cpu" and the names of all chips.
std::vector<std::string> targetNames();
/// What `--cpu` takes.
std::vector<std::string> processorNames();
/// What `--device` takes, for people.
std::string deviceNames();

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_OPTIONS_H
