//===- Trials.h - Does anything notice a mutant? ----------------*- C++ -*-===//
//
// Runs programs on the emulated device with the arguments of some launches and
// says what noticed that something is wrong: a check of the device, the
// comparison with the reference interpreter, or the limit of instructions.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_TRIALS_H
#define EINFALL_TEST_MUTATION_TRIALS_H

#include "dialect/Interpreter/Compare.h"
#include "frontend/driver/Pipeline.h"
#include "runtime/devices/emulated/Emulator.h"
#include "test/mutation/Launches.h"

namespace einfall::mutation {

/// What one program did.
struct Outcome {
  enum Result { Report, Numbers, Timeout, Survived, NotRun } result = NotRun;
  /// The check that noticed: "race", "copy in flight", ...
  std::string check;
  /// Of a survivor: all outputs are bitwise those of the program without fault.
  bool equal = true;
  /// The message, or the comparison's.
  std::string text;
};

/// Arguments of a kernel, its outputs as they have to be, and how the program
/// without fault computed them.
class Trial {
public:
  /// Draws the inputs that the options name and changes them as `spec` says.
  /// Null after an error, which has been reported.
  static std::unique_ptr<Trial> create(driver::Options options,
                                       const LaunchSpec &spec);

  const cascade::KernelInterface &interface() const {
    return arguments->interface;
  }
  const std::string &label() const { return name; }
  const LaunchSpec &launch() const { return spec; }

  /// A version of the kernel: programs that are launched one after the other.
  using Images = llvm::ArrayRef<const emulated::DeviceImage *>;

  /// Evaluates the outputs as they have to be, and remembers what `images`
  /// compute, with which the survivors are compared. Returns what is wrong with
  /// it; NotRun where it is not for these arguments.
  Outcome calibrate(Images images);

  /// Runs `images` with one seed, below `seedCount`. Thread-safe.
  Outcome run(Images images, unsigned seed) const;
  static const unsigned seedCount;

  /// True where `images` are for these arguments.
  bool isFor(Images images) const;

  /// Moves an input or output off what a condition of a launch asks for, in
  /// this trial alone: its address ("K") or the stride of a dimension ("stride
  /// K.1"). False where there is no such parameter.
  bool misalign(llvm::StringRef parameter);

  /// The first kernel of the file, before anything was done to it.
  cascade::KernelOp kernel;
  driver::Session &getSession() { return *session; }

private:
  /// One output as it has to be.
  struct Expected {
    interpreter::Sample sample;
    interpreter::Element storage;
    std::vector<double> exact, naive;
  };
  void change(const LaunchSpec &spec);
  bool evaluate();
  Outcome runSeed(Images images, uint64_t seed,
                  std::vector<std::vector<char>> *outputs) const;

  std::string name;
  LaunchSpec spec;
  driver::Options options;
  std::unique_ptr<driver::Session> session;
  std::unique_ptr<driver::Program> program;
  std::unique_ptr<driver::KernelArguments> arguments;
  std::vector<Expected> expected;
  std::vector<emulated::Buffer> buffers;
  std::vector<uint64_t> words;
  std::vector<interpreter::Tensor> outputs; ///< but for where they lie
  std::vector<char> shiftedBytes;
  /// Of a misaligned output: bytes that it starts after an aligned address.
  std::vector<uint64_t> shifts;
  /// Of the program without fault: outputs and instructions of all blocks.
  std::vector<std::vector<char>> reference;
  uint64_t limit = 0;
};

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_TRIALS_H
