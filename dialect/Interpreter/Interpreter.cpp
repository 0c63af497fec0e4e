//===- Interpreter.cpp - The reference interpreter ------------------------===//

#include "dialect/Interpreter/Interpreter.h"
#include "dialect/Interpreter/Binding.h"
#include "dialect/Interpreter/Engine.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::cascade;

/// 16 GiB of doubles.
static constexpr double maxValues = 0x1p31;

namespace einfall::interpreter {
/// An engine of either precision behind one interface.
class Evaluation {
public:
  virtual ~Evaluation() = default;
  virtual LogicalResult prepare() = 0;
  virtual LogicalResult evaluate(OutputOp output, ArrayRef<int64_t> start,
                                 MutableArrayRef<double> row) = 0;
  Evaluation(Binding bound) : bound(std::move(bound)) {}
  Binding bound;
};
} // namespace einfall::interpreter

namespace {
template <typename T> class EvaluationIn final : public Evaluation {
public:
  EvaluationIn(Binding binding, Options options)
      : Evaluation(std::move(binding)),
        engine(*bound.program, bound.extents, bound.tensors, options) {}

  LogicalResult prepare() override {
    if (const Node *node = engine.prepare())
      return node->source->emitError(
          "has more coordinates than the interpreter can number");
    return success();
  }

  LogicalResult evaluate(OutputOp output, ArrayRef<int64_t> start,
                         MutableArrayRef<double> row) override;

private:
  Engine<T> engine;
};
} // namespace

template <typename T>
LogicalResult EvaluationIn<T>::evaluate(OutputOp output,
                                        ArrayRef<int64_t> start,
                                        MutableArrayRef<double> row) {
  const Program &program = *bound.program;
  SmallVector<StringRef> dims = names(output.getDims());
  for (auto [name, coordinate] : llvm::zip_equal(dims, start))
    engine.frame[program.rank(name)] = coordinate;
  int rank = dims.empty() ? -1 : program.rank(dims.back());
  const Node &value = *program.node(output.getValue());
  int64_t size = row.size();
  for (int64_t from = 0; from < size; from += maxColumn) {
    int64_t n = std::min(maxColumn, size - from);
    int64_t low = dims.empty() ? 0 : start.back() + from;
    ColumnStack::Mark mark(engine.stack);
    Column<T> column = engine.allocate(value.kind, n);
    engine.evaluate(value, column, rank, low, n);
    Column<T> filler = engine.allocate(value.kind, 1);
    bool needsFiller =
        std::find(column.present, column.present + n, 0) != column.present + n;
    if (needsFiller && output.getFiller())
      engine.evaluate(*program.node(output.getFiller()), filler, -1, 0, 1);
    if (engine.exhausted) {
      InFlightDiagnostic diag = output.emitError()
                                << "evaluating output `" << output.getName()
                                << "` takes more steps than its limit";
      diag.attachNote() << "give smaller extents, or evaluate fewer rows";
      return diag;
    }
    for (int64_t k = 0; k < n; ++k) {
      bool present = column.present[k];
      if (!present && !output.getFiller()) {
        InFlightDiagnostic diag = output.emitError()
                                  << "output `" << output.getName()
                                  << "` is absent at [";
        llvm::interleaveComma(
            llvm::seq<size_t>(0, dims.size()), diag, [&](size_t dim) {
              diag << dims[dim] << " = "
                   << (dim + 1 == dims.size() ? low + k : start[dim]);
            });
        diag << "] and has no filler";
        diag.attachNote() << "write what to store there, as in `else 0`";
        return diag;
      }
      const Column<T> &from1 = present ? column : filler;
      int64_t place = present ? k : 0;
      row[from + k] = from1.real ? static_cast<double>(from1.real[place])
                                 : static_cast<double>(from1.whole[place]);
    }
  }
  engine.forget();
  return success();
}

FailureOr<Interpreter> Interpreter::create(KernelOp kernel,
                                           const Arguments &arguments,
                                           Options options) {
  FailureOr<Binding> bound =
      bind(kernel, arguments, options.precision == Precision::Single);
  if (failed(bound))
    return failure();
  std::unique_ptr<Evaluation> evaluation;
  if (options.precision == Precision::Double)
    evaluation =
        std::make_unique<EvaluationIn<double>>(std::move(*bound), options);
  else
    evaluation =
        std::make_unique<EvaluationIn<float>>(std::move(*bound), options);
  if (failed(evaluation->prepare()))
    return failure();
  return Interpreter(std::move(evaluation));
}

Interpreter::Interpreter(std::unique_ptr<Evaluation> evaluation)
    : evaluation(std::move(evaluation)) {}
Interpreter::Interpreter(Interpreter &&) = default;
Interpreter &Interpreter::operator=(Interpreter &&) = default;
Interpreter::~Interpreter() = default;

KernelOp Interpreter::getKernel() const { return evaluation->bound.kernel; }

OutputOp Interpreter::getOutput(StringRef name) const {
  for (auto output : getKernel().getBody().getOps<OutputOp>())
    if (output.getName() == name)
      return output;
  return nullptr;
}

int64_t Interpreter::getExtent(StringRef rank) const {
  int id = evaluation->bound.program->rank(rank);
  return id < 0 ? -1 : evaluation->bound.extents[id];
}

SmallVector<int64_t> Interpreter::getShape(OutputOp output) const {
  return llvm::map_to_vector(names(output.getDims()),
                             [&](StringRef rank) { return getExtent(rank); });
}

LogicalResult Interpreter::evaluate(OutputOp output, ArrayRef<int64_t> start,
                                    MutableArrayRef<double> row) {
  return evaluation->evaluate(output, start, row);
}

FailureOr<std::vector<double>> Interpreter::evaluateAll(OutputOp output) {
  SmallVector<int64_t> shape = getShape(output);
  double size = 1;
  for (int64_t extent : shape)
    size *= static_cast<double>(extent);
  if (size > maxValues)
    return output.emitError() << "output `" << output.getName() << "` has "
                              << size << " values, more than " << maxValues
                              << " are not evaluated at once";
  int64_t length = shape.empty() ? 1 : shape.back();
  int64_t count = static_cast<int64_t>(size);
  std::vector<double> values(count);
  SmallVector<int64_t> start(shape.size());
  for (int64_t row = 0; row < count; row += length) {
    if (failed(evaluate(output, start,
                        MutableArrayRef(values).slice(row, length))))
      return failure();
    for (size_t dim = shape.size(); dim-- > 1;) {
      if (++start[dim - 1] < shape[dim - 1])
        break;
      start[dim - 1] = 0;
    }
  }
  return values;
}

double Interpreter::countOperations(OutputOp output,
                                    ArrayRef<unsigned> fixed) const {
  const Program &program = *evaluation->bound.program;
  // Which of its ranks each field is evaluated along.
  std::vector<RankSet> along(program.nodes.size());
  std::vector<bool> needed(program.nodes.size());
  RankSet outputRanks = 0;
  for (auto [dim, name] : llvm::enumerate(names(output.getDims())))
    if (!llvm::is_contained(fixed, dim))
      outputRanks |= RankSet(1) << program.rank(name);
  auto demand = [&](const Node *node, RankSet ranks) {
    needed[node->id] = true;
    along[node->id] |= ranks & node->ranks;
  };
  demand(program.node(output.getValue()), outputRanks);
  double total = 0;
  for (const Node &node : llvm::reverse(program.nodes)) {
    if (!needed[node.id])
      continue;
    RankSet ranks = along[node.id];
    RankSet over = 0;
    if (node.op == NodeKind::Reduce || node.op == NodeKind::At)
      for (int rank : node.over)
        over |= RankSet(1) << rank;
    if (node.op == NodeKind::FoldResult) {
      // All components are streamed together.
      RankSet stream = 0;
      for (int rank : node.fold->ranks)
        stream |= RankSet(1) << rank;
      RankSet outer = node.ranks & ~ranks;
      for (const Component &component : node.fold->components) {
        RankSet wanted = ranks | stream | (component.ranks & ~outer);
        demand(component.step, wanted);
        if (component.act)
          demand(component.act, wanted);
      }
      continue;
    }
    RankSet space = ranks;
    if (node.op == NodeKind::Reduce)
      space |= over;
    double points = 1;
    for (RankSet rest = space; rest; rest &= rest - 1)
      points *= evaluation->bound.extents[__builtin_ctzll(rest)];
    total += points;
    for (Node *operand : node.operands)
      demand(operand, node.op == NodeKind::Reduce ? ranks | over
                      : node.op == NodeKind::At && operand == node.operands[0]
                          ? ranks | over
                          : ranks);
  }
  return total;
}
