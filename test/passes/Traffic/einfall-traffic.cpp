//===- einfall-traffic.cpp - Closed forms of device programs --------------===//
//
// Derives what the versions of a device program move (passes/Traffic), and
// evaluates it for launches:
//
//   einfall-traffic kernel.mlir program.mlir -De=64 --launch p=65,m=130
//
// kernel.mlir is the cascade as written (`einfall compile --emit=cascade`),
// program.mlir its device program (`--emit=device`), compiled for the extents
// that -D gives; parameters that -N gives are numbers as well. For each launch
// one line of JSON with the version that it takes, and sectors by direction
// with whether they are exact.
//
//===----------------------------------------------------------------------===//

#include "passes/Traffic/Traffic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"

#include <chrono>

using namespace einfall;
using namespace einfall::traffic;
namespace cl = llvm::cl;

static cl::OptionCategory category("einfall-traffic");
static cl::opt<std::string> kernelFile(cl::Positional, cl::Required,
                                       cl::desc("KERNEL"), cl::cat(category));
static cl::opt<std::string> programFile(cl::Positional, cl::Required,
                                        cl::desc("PROGRAM"), cl::cat(category));
static cl::list<std::string> fixedExtents("D", cl::Prefix,
                                          cl::desc("a fixed extent, e=64"),
                                          cl::cat(category));
static cl::list<std::string>
    fixedNumbers("N", cl::Prefix,
                 cl::desc("an integer parameter that is given, w=5"),
                 cl::cat(category));
static cl::list<std::string>
    launches("launch", cl::desc("extents and numbers of the kernel, p=64,w=5"),
             cl::cat(category));
static cl::opt<bool> forms("forms", cl::desc("print expressions"),
                           cl::cat(category));
static cl::opt<std::string> wrong(
    "wrong",
    cl::desc("what is made wrong: term (one is left out), extent (of the first "
             "rank: one more)"),
    cl::cat(category));

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static llvm::StringRef nameOf(Direction direction) {
  return direction == Direction::Load   ? "loads"
         : direction == Direction::Copy ? "copies"
                                        : "stores";
}

static std::map<std::string, int64_t> numbersOf(llvm::StringRef text) {
  std::map<std::string, int64_t> numbers;
  llvm::SmallVector<llvm::StringRef> entries;
  text.split(entries, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef entry : entries) {
    auto [name, value] = entry.split('=');
    int64_t number = 0;
    value.getAsInteger(10, number);
    numbers[name.str()] = number;
  }
  return numbers;
}

namespace {
struct Version {
  std::string name;
  std::optional<Traffic> traffic;
  std::string whyNot;
};
} // namespace

/// Evaluates the first version that applies.
static llvm::json::Object evaluated(llvm::ArrayRef<Version> versions,
                                    const cascade::KernelInterface &interface,
                                    certificate::Environment environment) {
  llvm::json::Object result;
  for (const Version &version : versions) {
    result["version"] = version.name;
    if (!version.traffic) {
      result["error"] = version.whyNot;
      return result;
    }
    auto fail = [&](const std::string &what) {
      result["error"] = what;
      return result;
    };
    auto applies = version.traffic->applies.evaluate(environment);
    if (!applies)
      return fail(applies.error());
    if (*applies == 0)
      continue;
    if (wrong == "extent")
      environment.extents[interface.ranks.front()] += 1;
    double begin = now();
    bool first = true;
    std::map<Direction, std::pair<mpz_class, bool>> sums;
    for (Direction direction :
         {Direction::Load, Direction::Copy, Direction::Store})
      sums[direction] = {0, true};
    llvm::json::Array terms;
    for (const TrafficTerm &term : version.traffic->terms) {
      auto value = term.sectors.evaluate(environment);
      if (!value)
        return fail(value.error());
      auto &[sum, isExact] = sums[term.direction];
      isExact &= term.isExact;
      terms.push_back(llvm::json::Object{
          {"what", term.what},
          {"direction", nameOf(term.direction)},
          {"sectors", value->get_str()},
          {"nodes", static_cast<int64_t>(term.sectors.size())}});
      if (!(wrong == "term" && first))
        sum += *value;
      first = false;
    }
    for (auto &[direction, sum] : sums)
      result[nameOf(direction)] = llvm::json::Object{
          {"sectors", sum.first.get_si()}, {"exact", sum.second}};
    result["terms"] = std::move(terms);
    result["seconds"] = now() - begin;
    return result;
  }
  result["error"] = "no version applies";
  return result;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "traffic of device programs\n");
  mlir::MLIRContext context;
  context.loadDialect<cascade::CascadeDialect, device::DeviceDialect,
                      mlir::arith::ArithDialect, mlir::scf::SCFDialect,
                      mlir::vector::VectorDialect>();
  auto written =
      mlir::parseSourceFile<mlir::ModuleOp>(kernelFile.getValue(), &context);
  auto program =
      mlir::parseSourceFile<mlir::ModuleOp>(programFile.getValue(), &context);
  if (!written || !program)
    return 1;
  auto kernels = written->getOps<cascade::KernelOp>();
  if (kernels.empty()) {
    llvm::errs() << "there is no kernel\n";
    return 1;
  }
  auto interface = cascade::KernelInterface::of(*kernels.begin());
  llvm::StringMap<int64_t> fixed;
  for (const std::string &entry : fixedExtents)
    for (auto &[rank, extent] : numbersOf(entry))
      fixed[rank] = extent;
  llvm::StringMap<int64_t> given;
  for (const std::string &entry : fixedNumbers)
    for (auto &[name, number] : numbersOf(entry)) {
      given[name] = number;
      given["has " + name] = 1;
    }
  std::vector<Version> versions;
  double begin = now();
  for (llvm::ArrayRef<device::KernelOp> each : device::versionsOf(*program)) {
    Version &version = versions.emplace_back();
    device::KernelOp first = each.front();
    version.name = first.getSymName().str();
    auto traffic = trafficOf(each, interface, fixed, given);
    if (traffic)
      version.traffic = std::move(*traffic);
    else
      version.whyNot = llvm::toString(traffic.takeError());
  }
  double derivation = now() - begin;
  if (forms)
    for (const Version &version : versions) {
      llvm::outs() << version.name << "\n";
      if (!version.traffic) {
        llvm::outs() << "  " << version.whyNot << "\n";
        continue;
      }
      llvm::outs() << "  applies: " << version.traffic->applies.str()
                   << "\n  blocks: " << version.traffic->blocks.str() << "\n";
      for (const TrafficTerm &term : version.traffic->terms)
        llvm::outs() << "  " << nameOf(term.direction) << " of " << term.what
                     << (term.isExact ? "" : ", at most") << ": "
                     << term.sectors.str() << "\n";
    }
  for (const std::string &launch : launches) {
    certificate::Environment environment;
    // Tensors begin at 0, and parameters are not given unless they are.
    for (const auto *tensors : {&interface.inputs, &interface.outputs})
      for (const auto &tensor : *tensors)
        environment.coordinates[tensor.name] = 0;
    environment.coordinates["workspace"] = 0;
    for (const auto &param : interface.params) {
      environment.coordinates[param.name] = 0;
      environment.coordinates["has " + param.name] = 0;
    }
    std::map<std::string, int64_t> numbers = numbersOf(launch);
    for (const auto &entry : fixed)
      numbers[entry.first().str()] = entry.second;
    for (auto &[name, number] : numbers) {
      mpz_class value(static_cast<long>(number));
      if (llvm::is_contained(interface.ranks, name)) {
        environment.extents[name] = value;
      } else {
        environment.coordinates[name] = value;
        environment.coordinates["has " + name] = 1;
      }
    }
    llvm::json::Object result = evaluated(versions, interface, environment);
    result["derivation"] = derivation;
    llvm::outs() << llvm::json::Value(std::move(result)) << "\n";
  }
  return 0;
}
