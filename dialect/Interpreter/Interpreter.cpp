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
  virtual LogicalResult check(RequireOp require) = 0;
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
  LogicalResult check(RequireOp require) override;

private:
  /// Visits all coordinates of `ranks` as columns: (rank, low, n), the others
  /// in the frame.
  template <typename Visit>
  LogicalResult forColumns(RankSet ranks, Visit visit);
  /// Every element of an output that is stored by index.
  struct Scattered {
    std::vector<double> values;
    std::vector<uint8_t> present;
  };
  FailureOr<const Scattered *> scatter(OutputOp output);
  LogicalResult store(OutputOp output, Scattered &into,
                      ArrayRef<int64_t> strides, int rank, int64_t low,
                      int64_t n);
  LogicalResult limitReached(OutputOp output);

  Engine<T> engine;
  llvm::DenseMap<Operation *, Scattered> scattered;
};
} // namespace

template <typename T>
LogicalResult EvaluationIn<T>::limitReached(OutputOp output) {
  InFlightDiagnostic diag = output.emitError()
                            << "evaluating output `" << output.getName()
                            << "` takes more steps than its limit";
  diag.attachNote() << "give smaller extents, or evaluate fewer rows";
  return diag;
}

/// The elements of an output, or -1 where they are more than `maxValues`.
static int64_t countValues(ArrayRef<int64_t> shape) {
  double size = 1;
  for (int64_t extent : shape)
    size *= static_cast<double>(extent);
  return size > maxValues ? -1 : static_cast<int64_t>(size);
}

static LogicalResult tooManyValues(OutputOp output) {
  return output.emitError()
         << "output `" << output.getName() << "` has more than " << maxValues
         << " values, which are not evaluated at once";
}

template <typename T>
template <typename Visit>
LogicalResult EvaluationIn<T>::forColumns(RankSet ranks, Visit visit) {
  SmallVector<int> over;
  bool empty = false;
  for (RankSet rest = ranks; rest; rest &= rest - 1) {
    over.push_back(__builtin_ctzll(rest));
    empty |= bound.extents[over.back()] == 0;
    engine.frame[over.back()] = 0;
  }
  llvm::stable_sort(
      over, [&](int a, int b) { return bound.extents[a] < bound.extents[b]; });
  int inner = over.empty() ? -1 : over.pop_back_val();
  int64_t length = inner < 0 ? 1 : bound.extents[inner];
  while (!empty) {
    for (int64_t low = 0; low < length; low += maxColumn)
      if (failed(visit(inner, low, std::min(maxColumn, length - low))))
        return failure();
    int place = static_cast<int>(over.size()) - 1;
    while (place >= 0 &&
           ++engine.frame[over[place]] == bound.extents[over[place]])
      engine.frame[over[place--]] = 0;
    if (place < 0)
      break;
  }
  return success();
}

template <typename T> LogicalResult EvaluationIn<T>::check(RequireOp require) {
  const Program &program = *bound.program;
  const Node &condition = *program.node(require.getCondition());
  return forColumns(condition.ranks, [&](int rank, int64_t low, int64_t n) {
    ColumnStack::Mark mark(engine.stack);
    Column<T> column = engine.allocate(Kind::Bool, n);
    engine.evaluate(condition, column, rank, low, n);
    for (int64_t k = 0; k < n; ++k) {
      if (!column.present[k] || column.whole[k])
        continue;
      if (rank >= 0)
        engine.frame[rank] = low + k;
      InFlightDiagnostic diag = require.emitError("a precondition is false");
      SmallVector<int> at;
      for (RankSet rest = condition.ranks; rest; rest &= rest - 1)
        at.push_back(__builtin_ctzll(rest));
      if (!at.empty()) {
        diag << " at [";
        llvm::interleaveComma(at, diag, [&](int rank) {
          diag << program.rankNames[rank] << " = " << engine.frame[rank];
        });
        diag << "]";
      }
      diag.attachNote() << "give inputs that it holds for [req.1]";
      return LogicalResult(diag);
    }
    return success();
  });
}

/// Stores `n` values from `low` along `rank`, the others as in the frame.
template <typename T>
LogicalResult EvaluationIn<T>::store(OutputOp output, Scattered &into,
                                     ArrayRef<int64_t> strides, int rank,
                                     int64_t low, int64_t n) {
  const Program &program = *bound.program;
  const Node &value = *program.node(output.getValue());
  ColumnStack::Mark mark(engine.stack);
  Column<T> column = engine.allocate(value.kind, n);
  engine.evaluate(value, column, rank, low, n);
  SmallVector<int64_t> places(n, 0);
  for (auto [dim, name] : llvm::enumerate(names(output.getDims()))) {
    int64_t extent = bound.extents[program.rank(name)];
    Column<T> index = engine.allocate(Kind::Int, n);
    engine.evaluate(*program.node(output.getIndices()[dim]), index, rank, low,
                    n, column.present);
    for (int64_t k = 0; k < n; ++k) {
      column.present[k] &=
          index.present[k] && index.whole[k] >= 0 && index.whole[k] < extent;
      if (column.present[k])
        places[k] += index.whole[k] * strides[dim];
    }
  }
  if (engine.exhausted)
    return limitReached(output);
  for (int64_t k = 0; k < n; ++k) {
    if (!column.present[k])
      continue;
    if (into.present[places[k]]) {
      InFlightDiagnostic diag = output.emitError()
                                << "two values are stored in `"
                                << output.getName() << "` at [";
      int64_t rest = places[k];
      llvm::interleaveComma(llvm::zip_equal(names(output.getDims()), strides),
                            diag, [&](auto pair) {
                              diag << std::get<0>(pair) << " = "
                                   << rest / std::get<1>(pair);
                              rest %= std::get<1>(pair);
                            });
      diag << "]";
      diag.attachNote()
          << "indices on the left name every element at most once [tensor.3]";
      return diag;
    }
    into.present[places[k]] = 1;
    into.values[places[k]] = column.real ? static_cast<double>(column.real[k])
                                         : static_cast<double>(column.whole[k]);
  }
  return success();
}

template <typename T>
FailureOr<const typename EvaluationIn<T>::Scattered *>
EvaluationIn<T>::scatter(OutputOp output) {
  if (auto found = scattered.find(output); found != scattered.end())
    return &found->second;
  const Program &program = *bound.program;
  SmallVector<int64_t> shape =
      llvm::map_to_vector(names(output.getDims()), [&](StringRef rank) {
        return bound.extents[program.rank(rank)];
      });
  int64_t size = countValues(shape);
  if (size < 0)
    return tooManyValues(output);
  Scattered made{std::vector<double>(size), std::vector<uint8_t>(size)};
  RankSet ranks = program.node(output.getValue())->ranks;
  for (Value index : output.getIndices())
    ranks |= program.node(index)->ranks;
  SmallVector<int64_t> strides = Tensor::denseStrides(shape);
  if (failed(forColumns(ranks, [&](int rank, int64_t low, int64_t n) {
        return store(output, made, strides, rank, low, n);
      })))
    return failure();
  return &(scattered[output] = std::move(made));
}

template <typename T>
LogicalResult EvaluationIn<T>::evaluate(OutputOp output,
                                        ArrayRef<int64_t> start,
                                        MutableArrayRef<double> row) {
  const Program &program = *bound.program;
  SmallVector<StringRef> dims = names(output.getDims());
  const Scattered *stored = nullptr;
  int64_t origin = 0; // of the row in what is stored by index
  if (!output.getIndices().empty()) {
    FailureOr<const Scattered *> made = scatter(output);
    if (failed(made))
      return failure();
    stored = *made;
    for (auto [name, coordinate] : llvm::zip_equal(dims, start))
      origin = origin * bound.extents[program.rank(name)] + coordinate;
  }
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
    if (stored)
      std::copy_n(stored->present.data() + origin + from, n, column.present);
    else
      engine.evaluate(value, column, rank, low, n);
    Column<T> filler = engine.allocate(value.kind, 1);
    bool needsFiller =
        std::find(column.present, column.present + n, 0) != column.present + n;
    if (needsFiller && output.getFiller())
      engine.evaluate(*program.node(output.getFiller()), filler, -1, 0, 1);
    if (engine.exhausted)
      return limitReached(output);
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
      if (present && stored) {
        row[from + k] = stored->values[origin + from + k];
        continue;
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

LogicalResult Interpreter::check(RequireOp require) {
  return evaluation->check(require);
}

LogicalResult
einfall::interpreter::checkPreconditions(KernelOp kernel,
                                         const Arguments &arguments) {
  if (kernel.getBody().getOps<RequireOp>().empty())
    return success();
  FailureOr<Interpreter> interpreter = Interpreter::create(kernel, arguments);
  if (failed(interpreter))
    return failure();
  for (auto require : kernel.getBody().getOps<RequireOp>())
    if (failed(interpreter->check(require)))
      return failure();
  return success();
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
  int64_t length = shape.empty() ? 1 : shape.back();
  int64_t count = countValues(shape);
  if (count < 0)
    return tooManyValues(output);
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
  demand(program.node(output.getValue()),
         output.getIndices().empty() ? outputRanks : ~RankSet(0));
  for (Value index : output.getIndices())
    demand(program.node(index), ~RankSet(0));
  double total = 0;
  for (const Node &node : llvm::reverse(program.nodes)) {
    if (!needed[node.id])
      continue;
    RankSet ranks = along[node.id];
    RankSet over = 0;
    if (node.op == NodeKind::Reduce || node.op == NodeKind::At)
      for (int rank : node.over)
        over |= RankSet(1) << rank;
    if (isList(node))
      over |= RankSet(1) << node.over[0];
    if (node.op == NodeKind::StreamResult) {
      // All components are streamed together.
      RankSet stream = 0;
      for (int rank : node.stream->ranks)
        stream |= RankSet(1) << rank;
      RankSet outer = node.ranks & ~ranks;
      for (const Component &component : node.stream->components) {
        RankSet wanted = ranks | stream | (component.ranks & ~outer);
        for (const Node *part :
             {component.start, component.step, component.act})
          if (part)
            demand(part, wanted);
      }
      continue;
    }
    RankSet space = ranks;
    if (node.op == NodeKind::Reduce || isList(node))
      space |= over;
    double points = 1;
    for (RankSet rest = space; rest; rest &= rest - 1)
      points *= evaluation->bound.extents[__builtin_ctzll(rest)];
    total += points;
    for (Node *operand : node.operands)
      demand(operand, node.op == NodeKind::Reduce || isList(node) ? ranks | over
                      : node.op == NodeKind::At && operand == node.operands[0]
                          ? ranks | over
                          : ranks);
  }
  return total;
}
