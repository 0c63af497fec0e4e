//===- Compare.cpp - Is a kernel's output right? --------------------------===//

#include "dialect/Interpreter/Compare.h"

#include "dialect/Cascade/Cascade.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::cascade;

/// What is rejected is looked at again in these many orders of sums...
static constexpr unsigned otherOrders = 32;
/// ... where the excess is greatest, in these many stretches of the sample.
static constexpr size_t reconsideredRows = 32;

static double epsilon(Element storage) {
  double roundoff = unitRoundoff(storage);
  return elementBits(storage) >= 32 ? 8 * roundoff : roundoff / 2;
}

static bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

Report einfall::interpreter::judge(const Sample &sample, Element storage,
                                   ArrayRef<double> exact,
                                   ArrayRef<double> naive,
                                   ArrayRef<double> found) {
  Report report;
  report.complete = sample.complete;
  report.compared = exact.size();
  bool real = isReal(storage);

  // The scale of every row.
  double squares = 0;
  size_t finite = 0;
  size_t rows = sample.starts.size(), length = sample.length;
  std::vector<double> scale(rows);
  for (size_t i = 0; i < exact.size(); ++i) {
    if (!std::isfinite(exact[i]))
      continue;
    scale[i / length] = std::max(scale[i / length], std::abs(exact[i]));
    squares += exact[i] * exact[i];
    ++finite;
  }
  double mean = finite ? std::sqrt(squares / static_cast<double>(finite)) : 0;
  // Results that cancel to zero keep the rounding errors of numbers near 1.
  double least = 1.0 / 16;
  for (double &rowScale : scale)
    rowScale = std::max({rowScale, std::isfinite(mean) ? mean : 0, least});

  for (size_t i = 0; real && i < exact.size(); ++i)
    if (std::isfinite(exact[i]) && std::isfinite(naive[i]))
      report.naiveError = std::max(
          report.naiveError, std::abs(naive[i] - exact[i]) / scale[i / length]);
  report.tolerance = 2 * report.naiveError + epsilon(storage);

  double worst = -1; // error over tolerance
  std::vector<double> rowExcess(rows);
  for (size_t i = 0; i < exact.size(); ++i) {
    double stored = roundTo(storage, exact[i]);
    double excess = 0; // over 1: rejected
    report.notFinite += !std::isfinite(exact[i]);
    if (!real || !std::isfinite(stored)) {
      // The naive evaluation may fall on the other side of a boundary.
      bool equal = same(found[i], stored) || same(found[i], naive[i]);
      excess = equal ? 0 : std::numeric_limits<double>::infinity();
    } else {
      double error = std::abs(found[i] - exact[i]) / scale[i / length];
      bool judged = std::isfinite(naive[i]) || std::isfinite(found[i]);
      report.unjudged += !judged;
      if (judged) {
        report.error =
            std::isnan(error) ? error : std::max(report.error, error);
        excess = std::isnan(error) ? std::numeric_limits<double>::infinity()
                                   : error / report.tolerance;
      }
    }
    report.rejected += excess > 1;
    rowExcess[i / length] = std::max(rowExcess[i / length], excess);
    if (excess > worst) {
      worst = excess;
      report.worst = sample.coordinates(i);
      report.expected = exact[i];
      report.found = found[i];
      report.naive = naive[i];
    }
  }
  report.accepted = report.rejected == 0;
  for (size_t row = 0; row < rows; ++row)
    if (rowExcess[row] > 1)
      report.rejectedRows.push_back(row);
  llvm::stable_sort(report.rejectedRows, [&](size_t a, size_t b) {
    return rowExcess[a] > rowExcess[b];
  });
  return report;
}

/// Of two naive evaluations of a value, the one that allows more.
static double laxer(Element storage, double exact, double found, double one,
                    double other) {
  if (!isReal(storage) || !std::isfinite(roundTo(storage, exact)))
    return same(other, found) ? other : one;
  bool farther = std::abs(other - exact) > std::abs(one - exact);
  return std::isfinite(other) && farther ? other : one;
}

std::string Report::text() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  // A NaN has no sign that means something.
  auto number = [](double value) {
    return llvm::format("%.9g", std::isnan(value) ? std::abs(value) : value);
  };
  os << "output `" << output << "`: ";
  if (accepted)
    os << "accepted, ";
  else
    os << "rejected at " << rejected << " coordinates, ";
  os << compared << (complete ? " values" : " sampled values") << " compared";
  if (unjudged)
    os << " (" << unjudged << " beyond the range of f32)";
  if (orders > 1)
    os << " with sums in " << orders << " orders";
  os << ", error " << llvm::format("%.2g", error) << " (limit "
     << llvm::format("%.2g", tolerance) << ", naive "
     << llvm::format("%.2g", naiveError) << ")";
  if (compared) {
    os << ", worst at [";
    for (size_t dim = 0; dim < worst.size(); ++dim)
      os << (dim ? ", " : "") << (dim < ranks.size() ? ranks[dim] : "") << " = "
         << worst[dim];
    os << "]: expected " << number(expected) << ", found " << number(found)
       << ", naive " << number(naive);
  }
  if (notFinite)
    os << "; " << notFinite << " of the values are NaN or infinite in the "
       << "reference, too";
  return text;
}

FailureOr<Checker> Checker::create(KernelOp kernel, const Arguments &arguments,
                                   SampleOptions options, bool tf32) {
  auto exact = Interpreter::create(kernel, arguments);
  if (failed(exact))
    return failure();
  Options single{Precision::Single};
  single.tf32 = tf32;
  auto naive = Interpreter::create(kernel, arguments, single);
  if (failed(naive))
    return failure();
  return Checker(std::move(*exact), std::move(*naive), arguments, options,
                 tf32);
}

FailureOr<std::vector<double>> Checker::evaluateNaive(Interpreter &interpreter,
                                                      OutputOp output,
                                                      const Sample &sample,
                                                      Element storage) {
  auto values = interpreter::evaluate(interpreter, output, sample);
  if (succeeded(values))
    for (double &value : *values)
      value = roundTo(storage, value);
  return values;
}

FailureOr<Report> Checker::check(StringRef name, const Tensor &found) {
  OutputOp output = exact.getOutput(name);
  if (!output)
    return exact.getKernel().emitError()
           << "kernel `" << exact.getKernel().getSymName()
           << "` has no output `" << name << '`';
  std::optional<Element> storage = elementOf(output.getStorage());
  if (!storage || *storage != found.element)
    return output.emitError()
           << "output `" << name << "` is stored as " << output.getStorage()
           << ", found " << elementName(found.element);
  if (exact.getShape(output) != found.shape) {
    InFlightDiagnostic diag = output.emitError()
                              << "output `" << name << "` has shape [";
    llvm::interleaveComma(exact.getShape(output), diag);
    diag << "], found [";
    llvm::interleaveComma(found.shape, diag);
    return diag << "]";
  }
  Sample sample = chooseSample(exact, output, options);
  auto expected = interpreter::evaluate(exact, output, sample);
  auto simple = evaluateNaive(naive, output, sample, *storage);
  if (failed(expected) || failed(simple))
    return failure();
  std::vector<double> values(sample.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] =
        loadElement(*storage, found.data, found.offset(sample.coordinates(i)));
  Report report = judge(sample, *storage, *expected, *simple, values);
  for (unsigned order = 1; !report.accepted && order <= otherOrders; ++order) {
    Sample rows = sample;
    rows.starts.clear();
    std::vector<size_t> numbers = std::move(report.rejectedRows);
    numbers.resize(std::min(numbers.size(), reconsideredRows));
    for (size_t row : numbers)
      rows.starts.push_back(sample.starts[row]);
    Options single{Precision::Single, Options().stepLimit, order, tf32};
    auto reordered = Interpreter::create(exact.getKernel(), arguments, single);
    if (failed(reordered))
      return failure();
    auto others = evaluateNaive(*reordered, output, rows, *storage);
    if (failed(others))
      return failure();
    for (size_t i = 0; i < others->size(); ++i) {
      size_t place =
          numbers[i / sample.length] * sample.length + i % sample.length;
      (*simple)[place] = laxer(*storage, (*expected)[place], values[place],
                               (*simple)[place], (*others)[i]);
    }
    report = judge(sample, *storage, *expected, *simple, values);
    report.orders = 1 + order;
  }
  report.output = name.str();
  for (StringRef rank : names(output.getDims()))
    report.ranks.push_back(rank.str());
  return report;
}
