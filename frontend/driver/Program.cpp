//===- Program.cpp - What the front end made of a file --------------------===//

#include "dialect/Cascade/Schedules.h"
#include "frontend/driver/Pipeline.h"
#include "frontend/sema/Emit.h"
#include "runtime/core/Package.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

namespace {
/// What the preconditions of a kernel say about its inputs: of integers `x in
/// lo
/// .. hi` with sums of numbers and extents, monotone(x) and permutation(x); of
/// reals, comparisons with numbers.
class RangeFinder {
public:
  explicit RangeFinder(const ein::ElaboratedKernel &kernel) : kernel(kernel) {}

  llvm::StringMap<RandomRange> run() {
    for (const ein::Precondition &precondition : kernel.preconditions) {
      if (precondition.property)
        ranges[kernel.inputs[precondition.input].name].property =
            precondition.property;
      else
        visit(precondition.condition);
    }
    return std::move(ranges);
  }

private:
  void visit(ein::NodeId id) {
    const ein::Node &node = kernel[id];
    if (node.nodeKind != ein::NodeKind::Map)
      return;
    if (node.fn == ein::MapFn::And) {
      for (ein::NodeId operand : node.operands)
        visit(operand);
      return;
    }
    bool least = node.fn == ein::MapFn::Ge;
    if (node.operands.size() != 2)
      return;
    const ein::Node &read = kernel[node.operands[0]];
    if (read.nodeKind == ein::NodeKind::Read &&
        read.kind == ein::ValueKind::Real)
      return visitReal(node, kernel.inputs[read.index].name);
    if (!least && node.fn != ein::MapFn::Lt)
      return;
    RandomRange::Bound bound;
    if (read.nodeKind != ein::NodeKind::Read || !add(node.operands[1], bound))
      return;
    RandomRange &range = ranges[kernel.inputs[read.index].name];
    (least ? range.low : range.high) = bound;
  }

  /// A real input compared with a number.
  void visitReal(const ein::Node &comparison, StringRef input) {
    std::optional<double> bound = number(comparison.operands[1]);
    if (!bound)
      return;
    if (comparison.fn == ein::MapFn::Ge || comparison.fn == ein::MapFn::Gt)
      ranges[input].least = bound;
    else if (comparison.fn == ein::MapFn::Le || comparison.fn == ein::MapFn::Lt)
      ranges[input].most = bound;
  }

  std::optional<double> number(ein::NodeId id) {
    const ein::Node &node = kernel[id];
    if (node.nodeKind == ein::NodeKind::Const)
      return node.kind == ein::ValueKind::Int
                 ? static_cast<double>(node.integer)
                 : node.real;
    if (node.nodeKind != ein::NodeKind::Map || node.operands.size() != 1)
      return std::nullopt;
    std::optional<double> operand = number(node.operands[0]);
    if (node.fn == ein::MapFn::ToReal)
      return operand;
    if (node.fn == ein::MapFn::Neg && operand)
      return -*operand;
    return std::nullopt;
  }

  bool add(ein::NodeId id, RandomRange::Bound &bound) {
    const ein::Node &node = kernel[id];
    switch (node.nodeKind) {
    case ein::NodeKind::Const:
      bound.offset += node.integer;
      return node.kind == ein::ValueKind::Int;
    case ein::NodeKind::Extent:
      bound.ranks.push_back(kernel.ranks[node.index].name);
      return true;
    case ein::NodeKind::Sum:
      for (auto [operand, op] : llvm::zip_equal(node.operands, node.ops)) {
        const ein::Node &term = kernel[operand];
        if (op == ein::MapFn::Sub && term.nodeKind == ein::NodeKind::Const)
          bound.offset -= term.integer;
        else if (op == ein::MapFn::Sub || !add(operand, bound))
          return false;
      }
      return true;
    default:
      return false;
    }
  }

  const ein::ElaboratedKernel &kernel;
  llvm::StringMap<RandomRange> ranges;
};
} // namespace

bool einfall::driver::isPackage(StringRef path) {
  return path.ends_with(".efk");
}

/// The extents that all versions of a kernel rely on.
static llvm::StringMap<int64_t> fixedOf(const runtime::KernelPlan &plan) {
  llvm::StringMap<int64_t> fixed;
  for (const runtime::FixedExtent &first : plan.versions.front().fixed)
    if (llvm::all_of(plan.versions, [&](const runtime::VersionPlan &version) {
          return llvm::any_of(
              version.fixed, [&](const runtime::FixedExtent &other) {
                return other.rank == first.rank && other.extent == first.extent;
              });
        }))
      fixed[plan.ranks[first.rank].name] = first.extent;
  return fixed;
}

/// Opens the package that the options name, and takes its source.
std::optional<unsigned> Program::readPackage() {
  const std::string &file = session.options.file;
  const std::string &wanted = session.options.kernel;
  runtime::Status status = runtime::Package::open(file.c_str(), package);
  if (status.ok())
    status = package->find(wanted.empty() ? nullptr : wanted.c_str(), packaged);
  if (!status.ok()) {
    session.error(status.text);
    return std::nullopt;
  }
  const runtime::Plan &plan = package->plan();
  if (!plan.source) {
    session.error(file + " carries no source")
        .remedy("it can be launched by libeinfall_rt; compile it without "
                "--no-source to run and verify it here");
    return std::nullopt;
  }
  if (packaged->versions.empty()) {
    session.error(file + " has no version of kernel `" + packaged->name + "`");
    return std::nullopt;
  }
  fixedExtents = fixedOf(*packaged);
  for (const auto &[rank, extent] : session.options.defines)
    if (auto found = fixedExtents.find(rank);
        found != fixedExtents.end() && found->second != extent) {
      session.error("-D " + rank + "=" + llvm::Twine(extent) + ": " + file +
                    " was compiled for " + rank + " = " +
                    llvm::Twine(found->second));
      return std::nullopt;
    }
  return session.addSource(plan.sourceName,
                           package->parts()[plan.source].bytes);
}

std::unique_ptr<Program> Program::load(Session &session) {
  std::unique_ptr<Program> program(new Program(session));
  std::optional<unsigned> buffer = isPackage(session.options.file)
                                       ? program->readPackage()
                                       : session.readSource();
  if (!buffer || !program->analyse(*buffer))
    return nullptr;
  program->applySchedules();
  return program;
}

void einfall::driver::setSchedule(cascade::KernelOp kernel,
                                  const ChosenSchedule &schedule) {
  mlir::Builder builder(kernel.getContext());
  llvm::SmallVector<mlir::NamedAttribute> tiles, entries;
  auto add = [&](llvm::SmallVectorImpl<mlir::NamedAttribute> &to,
                 StringRef name, int64_t value) {
    to.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  };
  for (const auto &[rank, size] : schedule.tiles)
    add(tiles, rank, size);
  if (!tiles.empty())
    entries.push_back(
        builder.getNamedAttr("tile", builder.getDictionaryAttr(tiles)));
  if (schedule.rowVectors)
    add(entries, "row_vectors", schedule.rowVectors);
  if (schedule.stages)
    add(entries, "stages", schedule.stages);
  cascade::setSchedules(kernel, {{"", builder.getDictionaryAttr(entries)}});
}

void Program::applySchedules() {
  for (auto kernel : module->getOps<cascade::KernelOp>())
    if (auto chosen = session.options.schedules.find(kernel.getSymName().str());
        chosen != session.options.schedules.end())
      setSchedule(kernel, chosen->second);
}

std::unique_ptr<Program> Program::load(Session &session, StringRef name,
                                       StringRef text) {
  std::unique_ptr<Program> program(new Program(session));
  std::optional<unsigned> buffer = session.addSource(name, text);
  if (!buffer || !program->analyse(*buffer))
    return nullptr;
  return program;
}

/// Makes the module of a source; false after an error, which was reported.
bool Program::analyse(unsigned buffer) {
  sourceName = session.sources.getName(buffer);
  sourceText = session.sources.getText(buffer);
  mlir::MLIRContext &context = session.context;
  context.loadDialect<cascade::CascadeDialect>();
  if (sourceName.ends_with(".mlir")) {
    auto source = llvm::MemoryBuffer::getMemBufferCopy(sourceText, sourceName);
    auto manager = std::make_shared<llvm::SourceMgr>();
    manager->AddNewSourceBuffer(std::move(source), llvm::SMLoc());
    mlir::ParserConfig config(&context);
    module = mlir::parseSourceFile<mlir::ModuleOp>(manager, config);
    return bool(module);
  }
  ein::FrontendOptions options;
  options.defines = fixedExtents;
  for (const auto &[rank, extent] : session.options.defines)
    options.defines[rank] = extent;
  auto analysed =
      ein::analyze(session.sources, buffer, options, session.diagnostics);
  if (mlir::failed(analysed))
    return false;
  auto emitted = ein::emitCascade(context, *analysed, session.sources,
                                  session.diagnostics);
  if (mlir::failed(emitted))
    return false;
  module = std::move(*emitted);
  for (const ein::ElaboratedKernel &kernel : analysed->kernels)
    ranges[kernel.name] = RangeFinder(kernel).run();
  return true;
}

llvm::SmallVector<cascade::KernelOp> Program::kernels(StringRef name) {
  llvm::SmallVector<cascade::KernelOp> found;
  llvm::SmallVector<StringRef> names;
  for (auto kernel : module->getOps<cascade::KernelOp>()) {
    names.push_back(kernel.getSymName());
    if (name.empty() || kernel.getSymName() == name)
      found.push_back(kernel);
  }
  if (!found.empty())
    return found;
  if (name.empty()) {
    session.error(session.options.file + " has no kernel");
    return found;
  }
  auto error =
      session.error(session.options.file + " has no kernel `" + name + "`");
  StringRef near = ein::nearest(name, names);
  if (!near.empty())
    error.remedy("did you mean `" + near + "`?");
  else if (!names.empty())
    error.note("it has " + llvm::join(names, ", "));
  return found;
}

cascade::KernelOp Program::kernel(StringRef name) {
  if (packaged)
    name = packaged->name;
  llvm::SmallVector<cascade::KernelOp> found = kernels(name);
  if (found.empty())
    return {};
  if (found.size() == 1)
    return found.front();
  std::string names;
  for (cascade::KernelOp kernel : found)
    names += (names.empty() ? "" : ", ") + kernel.getSymName().str();
  session
      .error(session.options.file + " has " + llvm::Twine(found.size()) +
             " kernels: " + names)
      .remedy("choose one with --kernel");
  return {};
}

llvm::StringMap<RandomRange> Program::randomRanges(cascade::KernelOp kernel) {
  return ranges.lookup(kernel.getSymName());
}
