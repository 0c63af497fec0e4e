//===- Arguments.h - What a kernel is run on --------------------*- C++ -*-===//
//
// From the command line to a launch: inputs read from files or drawn at random,
// extents from their shapes, from -D and from `default`, outputs allocated and
// poisoned so that an element that nobody wrote is seen.
//
// Every argument is checked against the kernel's interface before memory is
// allocated for what is missing.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_ARGUMENTS_H
#define EINFALL_FRONTEND_DRIVER_ARGUMENTS_H

#include "dialect/Cascade/KernelInterface.h"
#include "dialect/Interpreter/Random.h"
#include "frontend/driver/HostTensor.h"
#include "frontend/driver/Session.h"
#include "frontend/sema/Elaborated.h"
#include "runtime/devices/cpu/Launch.h"

namespace einfall::driver {

/// What random elements of an input may be: low <= x < high if integers, from
/// `least` to `most` if reals.
struct RandomRange {
  /// A number plus the extents of some ranks.
  struct Bound {
    int64_t offset = 0;
    std::vector<std::string> ranks;
  };
  Bound low, high{8, {}};
  /// Monotone: from low to high - 1 along the last dimension. Permutation: of
  /// the coordinates of the last dimension.
  std::optional<ein::Property> property;
  std::optional<double> least, most;
};

class KernelArguments {
public:
  /// Extents are those of `fixed`, those of the options, of given inputs and of
  /// `default`. Nothing after an error, which has been reported.
  static std::unique_ptr<KernelArguments>
  create(cascade::KernelOp kernel, Session &session,
         const llvm::StringMap<RandomRange> &ranges = {},
         const llvm::StringMap<int64_t> &fixed = {});

  /// For the reference interpreter; points into this object.
  const interpreter::Arguments &forInterpreter() const { return given; }
  /// For a compiled kernel; points into this object.
  const EinfallCpuArguments &forCpu() const { return launch; }

  int64_t extent(llvm::StringRef rank) const;
  llvm::ArrayRef<HostTensor> getInputs() const { return inputs; }
  llvm::ArrayRef<HostTensor> getOutputs() const { return outputs; }
  /// Fills the outputs with NaN or all ones.
  void poisonOutputs();
  /// "b = 1, h = 8, p = 1024".
  std::string describeExtents() const;
  /// "random inputs Q, K: normal, dense, seed 1"; empty where there are none.
  std::string describeRandom(const Options &options) const;
  /// Bytes of all inputs and outputs, each element once.
  double bytes() const;

  const cascade::KernelInterface interface;

private:
  explicit KernelArguments(cascade::KernelOp kernel);
  bool readInputs(Session &session);
  bool readInput(Session &session, const std::string &name,
                 const std::string &path);
  bool bind(cascade::KernelOp kernel, Session &session);
  int64_t evaluate(const RandomRange::Bound &bound) const;
  bool drawInputs(Session &session, const llvm::StringMap<RandomRange> &ranges);
  bool allocateOutputs(Session &session);

  std::vector<HostTensor> inputs, outputs;
  /// The memory of random inputs that are not dense.
  std::vector<interpreter::OwnedTensor> laidOut;
  std::vector<bool> isGiven; // by input
  interpreter::Arguments given;
  std::vector<void *> data;
  std::vector<int64_t> strides, extents;
  std::vector<double> paramValues;
  std::vector<const double *> params;
  EinfallCpuArguments launch{};
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_ARGUMENTS_H
