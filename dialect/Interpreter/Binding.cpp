//===- Binding.cpp - A kernel together with its arguments -----------------===//

#include "dialect/Interpreter/Binding.h"
#include "dialect/Interpreter/Engine.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::cascade;

/// Products of a few extents still fit in 64 bits, and nothing real is larger.
static constexpr int64_t maxExtent = int64_t(1) << 40;

namespace {
/// Where an extent came from, for the message when another one contradicts.
struct Source {
  std::string text;           ///< "in Q", "as given", "as declared"
  Operation *place = nullptr; ///< null: on the command line
};

class Binder {
public:
  Binder(Binding &binding, const Arguments &arguments, bool needsData)
      : binding(binding), arguments(arguments), program(*binding.program),
        needsData(needsData), sources(program.rankNames.size()) {
    binding.extents.assign(program.rankNames.size(), -1);
  }

  LogicalResult bindGiven();
  LogicalResult bindInput(InputOp op);
  template <typename T> LogicalResult evaluateScalars();
  LogicalResult finish();

private:
  bool waitsForData(const Node &node) const;
  LogicalResult bindExtent(int rank, int64_t extent, Source source,
                           Operation *at);
  LogicalResult checkUnknown();

  Binding &binding;
  const Arguments &arguments;
  Program &program;
  bool needsData;
  std::vector<Source> sources;
  /// Ranks whose extents are read from inputs that are not given.
  RankSet waiting = 0;
};
} // namespace

LogicalResult Binder::bindExtent(int rank, int64_t extent, Source source,
                                 Operation *at) {
  int64_t &known = binding.extents[rank];
  if (extent < 0)
    return at->emitError() << "rank `" << program.rankNames[rank]
                           << "` has extent " << extent << ' ' << source.text
                           << ", an extent is 0 or more";
  if (extent > maxExtent)
    return at->emitError() << "rank `" << program.rankNames[rank]
                           << "` has extent " << extent << ' ' << source.text
                           << ", the most is " << maxExtent;
  if (known >= 0 && known != extent) {
    const Source &first = sources[rank];
    InFlightDiagnostic diag = at->emitError()
                              << "rank `" << program.rankNames[rank]
                              << "` has extent " << known << ' ' << first.text
                              << " but " << extent << ' ' << source.text;
    if (first.place)
      diag.attachNote(first.place->getLoc()) << "bound first here";
    else
      diag.attachNote() << "give the extent that the arguments have, or none";
    return diag;
  }
  if (known < 0) {
    known = extent;
    sources[rank] = source;
  }
  return success();
}

LogicalResult Binder::checkUnknown() {
  auto report = [&](StringRef what, StringRef name) -> LogicalResult {
    InFlightDiagnostic diag = binding.kernel.emitError()
                              << "kernel `" << binding.kernel.getSymName()
                              << "` has no " << what << " `" << name << '`';
    return diag;
  };
  for (const auto &entry : arguments.inputs)
    if (llvm::none_of(program.inputs, [&](InputOp op) {
          return op.getName() == entry.first();
        }))
      return report("input", entry.first());
  for (const auto &entry : arguments.params)
    if (llvm::none_of(program.params, [&](auto &param) {
          return param.first.getName() == entry.first();
        }))
      return report("parameter", entry.first());
  return success();
}

LogicalResult Binder::bindGiven() {
  if (failed(checkUnknown()))
    return failure();
  for (const auto &entry : arguments.extents) {
    int rank = program.rank(entry.first());
    if (rank < 0)
      return binding.kernel.emitError()
             << "kernel `" << binding.kernel.getSymName() << "` has no rank `"
             << entry.first() << '`';
    if (failed(bindExtent(rank, entry.second, {"as given", nullptr},
                          binding.kernel)))
      return failure();
  }
  return success();
}

LogicalResult Binder::bindInput(InputOp op) {
  auto found = arguments.inputs.find(op.getName());
  if (found == arguments.inputs.end()) {
    binding.tensors.push_back({});
    if (!needsData)
      return success();
    return op.emitError() << "input `" << op.getName() << "` is not given";
  }
  const Tensor &tensor = found->second;
  SmallVector<StringRef> dims = names(op.getDims());
  if (tensor.shape.size() != dims.size() ||
      tensor.strides.size() != dims.size()) {
    InFlightDiagnostic diag = op.emitError()
                              << "input `" << op.getName() << "` has "
                              << tensor.shape.size()
                              << " dimensions, the kernel declares "
                              << dims.size() << ": [";
    llvm::interleaveComma(dims, diag);
    return diag << "]";
  }
  std::optional<Element> element =
      elementOf(op.getResult().getType().getElement());
  if (!element || *element != tensor.element)
    return op.emitError() << "input `" << op.getName() << "` holds "
                          << elementName(tensor.element)
                          << ", the kernel declares "
                          << op.getResult().getType().getElement();
  int64_t size = 1;
  for (int64_t extent : tensor.shape)
    size = extent == 0 ? 0 : size;
  if (!tensor.data && size && needsData)
    return op.emitError() << "input `" << op.getName() << "` has no data";
  binding.tensors.push_back(tensor);
  for (auto [name, extent] : llvm::zip_equal(dims, tensor.shape))
    if (failed(bindExtent(program.rank(name), extent,
                          {("in " + op.getName()).str(), op}, op)))
      return failure();
  return success();
}

/// Whether a value is read from an input without data, or from the extent of a
/// rank that waits for one.
bool Binder::waitsForData(const Node &node) const {
  SmallVector<const Node *> rest{&node};
  llvm::DenseSet<const Node *> seen;
  while (!rest.empty()) {
    const Node *next = rest.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    if (next->op == NodeKind::Read && !binding.tensors[next->tensor].data)
      return true;
    if (next->op != NodeKind::At && next->op != NodeKind::Map)
      for (int rank : next->over)
        if (contains(waiting, rank))
          return true;
    rest.append(next->operands.begin(), next->operands.end());
  }
  return false;
}

/// Extents and parameters in the order written: a definition uses only what
/// stands before it.
template <typename T> LogicalResult Binder::evaluateScalars() {
  auto evaluate = [&](Value value, Operation *op, double &real,
                      int64_t &whole) -> LogicalResult {
    // A fresh engine: nothing may be remembered while extents change.
    Engine<T> engine(program, binding.extents, binding.tensors,
                     {Precision::Double, /*stepLimit=*/uint64_t(1) << 30});
    const Node &node = *program.node(value);
    bool known = !engine.prepare();
    ColumnStack::Mark mark(engine.stack);
    Column<T> out = engine.allocate(node.kind, 1);
    engine.evaluate(node, out, -1, 0, 1);
    if (engine.unboundRank >= 0) {
      StringRef rank = program.rankNames[engine.unboundRank];
      InFlightDiagnostic diag = op->emitError()
                                << "needs the extent of rank `" << rank
                                << "`, which nothing binds";
      diag.attachNote() << "give it, as in `-D " << rank << "=64`";
      return diag;
    }
    if (engine.exhausted || !known || !out.present[0])
      return op->emitError("needs a number that is absent");
    real = out.real ? static_cast<double>(out.real[0]) : 0;
    whole = out.whole ? out.whole[0] : 0;
    return success();
  };
  for (Operation &op : binding.kernel.getBody().front()) {
    double real = 0;
    int64_t whole = 0;
    if (auto rank = dyn_cast<RankOp>(op); rank && rank.getExtent()) {
      if (!needsData && waitsForData(*program.node(rank.getExtent()))) {
        waiting |= RankSet(1) << program.rank(rank.getName());
        continue;
      }
      if (failed(evaluate(rank.getExtent(), rank, real, whole)) ||
          failed(bindExtent(program.rank(rank.getName()), whole,
                            {"as declared", rank}, rank)))
        return failure();
    } else if (auto param = dyn_cast<ParamOp>(op)) {
      Node *node = program.node(param.getResult());
      auto given = arguments.params.find(param.getName());
      if (given != arguments.params.end()) {
        std::optional<Element> storage = elementOf(param.getStorage());
        real = storage ? roundTo(*storage, given->second) : given->second;
        whole = static_cast<int64_t>(node->kind == Kind::Real ? 0 : real);
      } else if (!param.getFallback()) {
        return param.emitError()
               << "parameter `" << param.getName()
               << "` is not given and has no value of its own";
      } else if (failed(evaluate(param.getFallback(), param, real, whole))) {
        return failure();
      }
      node->real = real;
      node->whole = whole;
    }
  }
  return success();
}

LogicalResult Binder::finish() {
  for (auto [rank, extent] : llvm::enumerate(binding.extents)) {
    if (extent >= 0 || contains(waiting, rank))
      continue;
    StringRef name = program.rankNames[rank];
    InFlightDiagnostic diag = binding.kernel.emitError()
                              << "nothing binds the extent of rank `" << name
                              << '`';
    diag.attachNote() << "give it, as in `-D " << name << "=64`";
    return diag;
  }
  return success();
}

FailureOr<Binding> einfall::interpreter::bind(KernelOp kernel,
                                              const Arguments &arguments,
                                              bool single, bool needsData) {
  Binding binding;
  binding.kernel = kernel;
  FailureOr<std::unique_ptr<Program>> program = Program::compile(kernel);
  if (failed(program))
    return failure();
  binding.program = std::move(*program);
  Binder binder(binding, arguments, needsData);
  if (failed(binder.bindGiven()))
    return failure();
  for (InputOp input : binding.program->inputs)
    if (failed(binder.bindInput(input)))
      return failure();
  if (failed(single ? binder.evaluateScalars<float>()
                    : binder.evaluateScalars<double>()) ||
      failed(binder.finish()))
    return failure();
  return binding;
}

FailureOr<llvm::StringMap<int64_t>>
einfall::interpreter::bindExtents(KernelOp kernel, const Arguments &arguments) {
  FailureOr<Binding> binding =
      bind(kernel, arguments, /*single=*/false, /*needsData=*/false);
  if (failed(binding))
    return failure();
  llvm::StringMap<int64_t> extents;
  for (auto [name, extent] :
       llvm::zip_equal(binding->program->rankNames, binding->extents))
    extents[name] = extent;
  return extents;
}
