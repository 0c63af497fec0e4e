//===- Pipeline.h - From a source to machine code ---------------*- C++ -*-===//
//
// The road of one kernel: cascade as written, derived folds with their proofs,
// loops and vectors, LLVM, an object file. Every command and the tests
// of whole kernels take it; it stops at any stage and shows what it has.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_PIPELINE_H
#define EINFALL_FRONTEND_DRIVER_PIPELINE_H

#include "codegen/cpu/CpuTarget.h"
#include "dialect/Cascade/Cascade.h"
#include "frontend/driver/Arguments.h"
#include "frontend/driver/Report.h"
#include "frontend/driver/Session.h"
#include "passes/Schedule/TilePlan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <functional>

namespace einfall::runtime {
class Package;
struct KernelPlan;
} // namespace einfall::runtime

namespace einfall::driver {

enum class Stage {
  Cascade,  ///< the cascade as written
  Fold,     ///< after derivation
  Proofs,   ///< the obligations as SMT-LIB
  Schedule, ///< folds with the whole decision of how to run them
  Device,   ///< programs of a GPU's threads
  Loops,    ///< loops and vectors
  LLVM,     ///< the LLVM dialect
  LLVMIR,   ///< optimised LLVM IR
  Assembly,
  Object,
  Ptx,
  Cubin,
};

/// The stage that `--emit=name` asks for, or that a file's suffix means.
std::optional<Stage> stageNamed(llvm::StringRef name);
std::optional<Stage> stageOfPath(llvm::StringRef path);
/// "cascade", ...; "mlir", ...: how --emit and a dumped file call it.
llvm::StringRef stageName(Stage stage);
llvm::StringRef stageSuffix(Stage stage);

/// What the front end made of a file.
class Program {
public:
  /// Reads and analyses the file of the options: Ein, (suffix .mlir) textual IR
  /// of the cascade dialect, or (suffix .efk) the source that a package
  /// carries. Null after an error, which has been reported.
  static std::unique_ptr<Program> load(Session &session);
  /// The same of a text.
  static std::unique_ptr<Program> load(Session &session, llvm::StringRef name,
                                       llvm::StringRef text);

  /// The package that the source is of, and the plan of its kernel that the
  /// options name; null where the file is none.
  std::shared_ptr<const runtime::Package> package;
  const runtime::KernelPlan *packaged = nullptr;
  /// Extents that all versions of that kernel rely on.
  llvm::StringMap<int64_t> fixedExtents;

  llvm::StringRef sourceName, sourceText;

  /// All kernels, or the one called `name`; reports and gives none where there
  /// is no such kernel, or several and no name.
  llvm::SmallVector<cascade::KernelOp> kernels(llvm::StringRef name);
  cascade::KernelOp kernel(llvm::StringRef name);

  /// What random elements of the inputs of `kernel` may be.
  llvm::StringMap<RandomRange> randomRanges(cascade::KernelOp kernel);

private:
  explicit Program(Session &session) : session(session) {}
  std::optional<unsigned> readPackage();
  bool analyse(unsigned buffer);
  void applySchedules();
  Session &session;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// By kernel.
  llvm::StringMap<llvm::StringMap<RandomRange>> ranges;
};

/// Puts a schedule in place of the one that the source gives `kernel`.
void setSchedule(cascade::KernelOp kernel, const ChosenSchedule &schedule);

struct PipelineOptions {
  /// "cpu", "sm_80".
  std::string target = "cpu";
  /// Where to stop.
  Stage until = Stage::Object;
  /// Extents that the code may rely on, by rank.
  llvm::StringMap<int64_t> fixedExtents;
  /// The processor; the one that compiles where there is none.
  std::optional<cpu::CpuTarget> processor;
  /// For GPUs: also `ptx` and, where an assembler is there, `cubin`.
  bool machineCode = false;
  /// (CPU) The program tells what it touches (codegen/cpu/CountAccesses.h).
  bool countsAccesses = false;
  /// Report why the tiles are what they are, which takes planning all others.
  bool explains = false;
  /// Shown what the kernel has become: when it is derived and proved, (CPU) its
  /// loops, and (GPUs) all versions of its program.
  std::function<void(cascade::KernelOp)> observeDerived;
  std::function<void(mlir::ModuleOp)> observeLoops;
  std::function<void(mlir::ModuleOp)> observeDevice;
};

struct PipelineResult {
  KernelReport report;
  /// The text of the last stage; the bytes of the object.
  std::string text;
  /// A program for a GPU: its name, and its image for the emulated device.
  struct Program {
    std::string name, image;
  };
  /// Its versions, of which the first that fits is to be run: programs that are
  /// launched one after the other.
  std::vector<std::vector<Program>> versions;
  /// All of these for NVIDIA's assembler.
  std::string ptx, cubin;
};

/// Whether a file is a package, by its suffix.
bool isPackage(llvm::StringRef path);

/// The extents that -D binds and, with `defaults`, those that `default`
/// proposes.
llvm::StringMap<int64_t> knownExtents(cascade::KernelOp kernel,
                                      const Options &options, bool defaults);

/// What tiles of the CPU are chosen for: rates of the description that
/// `--machine` names (of a processor of no maker in particular without),
/// vectors of `target`, and of it caches where that is asked for them. Errors:
/// there is no such description, or it is of a GPU.
llvm::Expected<CpuMachine> cpuMachineFor(const cpu::CpuTarget &target,
                                         const Options &options);

/// Compiles `kernel`, which is left alone. Nothing after an error, which has
/// been reported to the session.
std::optional<PipelineResult> compileKernel(cascade::KernelOp kernel,
                                            const PipelineOptions &options,
                                            Session &session);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_PIPELINE_H
