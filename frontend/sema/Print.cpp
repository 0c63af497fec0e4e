//===- Print.cpp - The elaborated cascade as Ein --------------------------===//
//
// Recursion follows one equation only (references to tensors are printed by
// name), so its depth is bounded by the elaborator's limit.
//
//===----------------------------------------------------------------------===//

#include "frontend/sema/Frontend.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <tuple>

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {
/// How tightly an expression binds.
enum Level : uint8_t {
  Loose,
  OrLevel,
  AndLevel,
  NotLevel,
  CompareLevel,
  SumLevel,
  ProductLevel,
  SignLevel,
  Tight
};

class Printer {
public:
  Printer(llvm::raw_ostream &os, const ElaboratedKernel &kernel)
      : os(os), kernel(kernel) {}

  void kernelText(bool withTypes);
  void node(NodeId id, Level around, bool converts = false);

private:
  Level levelOf(const Node &node) const;
  bool isCeiling(const Node &node) const;
  bool converts(const Node &node) const;
  bool floors(const Node &node) const;
  void inner(const Node &node);
  void map(const Node &node);
  void call(StringRef name, ArrayRef<NodeId> args, bool converts = false);
  void firstFactor(NodeId id, bool rounds, bool converts);
  void indexed(const Node &node);
  void substituted(const Node &node);
  void number(double value);
  void tensor(const TensorInfo &tensor, bool withTypes);
  void input(const InputInfo &info);
  void names(ArrayRef<RankId> ranks);
  StringRef rank(RankId id) const {
    // States are written with the rank they follow.
    const RankInfo &info = kernel.ranks[id];
    return info.kind == ExtentKind::State ? kernel.ranks[info.parent].name
                                          : info.name;
  }

  llvm::raw_ostream &os;
  const ElaboratedKernel &kernel;
};
} // namespace

/// -((-a) / b), which is how the exact ceiling of a / b is elaborated.
bool Printer::isCeiling(const Node &n) const {
  if (n.fn != MapFn::Neg || n.kind != ValueKind::Int)
    return false;
  const Node &quotient = kernel[n.operands[0]];
  if (quotient.nodeKind != NodeKind::Product || quotient.operands.size() != 2 ||
      quotient.ops[1] != MapFn::FloorDiv)
    return false;
  const Node &minus = kernel[quotient.operands[0]];
  return minus.nodeKind == NodeKind::Map && minus.fn == MapFn::Neg;
}

/// Whether integers among the operands of `n` become real without `real`: what
/// takes real numbers only, and arithmetic with another real operand.
bool Printer::converts(const Node &n) const {
  switch (n.nodeKind) {
  case NodeKind::Sum:
  case NodeKind::Product:
  case NodeKind::OrElse:
    break;
  case NodeKind::Map:
    switch (n.fn) {
    case MapFn::Pow:
    case MapFn::Exp:
    case MapFn::Log:
    case MapFn::Sqrt:
    case MapFn::Tanh:
    case MapFn::Sin:
    case MapFn::Cos:
    case MapFn::Erf:
      return true;
    default:
      break;
    }
    break;
  default:
    return false;
  }
  return llvm::any_of(n.operands, [&](NodeId id) {
    const Node &operand = kernel[id];
    return operand.kind == ValueKind::Real &&
           !(operand.nodeKind == NodeKind::Map && operand.fn == MapFn::ToReal);
  });
}

/// Whether `n` is a quotient of integers, which no real takes as it is.
bool Printer::floors(const Node &n) const {
  return n.nodeKind == NodeKind::Product &&
         llvm::is_contained(n.ops, MapFn::FloorDiv);
}

Level Printer::levelOf(const Node &node) const {
  switch (node.nodeKind) {
  case NodeKind::Sum:
    return SumLevel;
  case NodeKind::Product:
    return ProductLevel;
  case NodeKind::Const:
    return (node.kind == ValueKind::Int && node.integer < 0) ||
                   (node.kind == ValueKind::Real && std::signbit(node.real))
               ? SignLevel
               : Tight;
  case NodeKind::Map:
    break;
  default:
    return Tight;
  }
  switch (node.fn) {
  case MapFn::Or:
    return OrLevel;
  case MapFn::And:
    return AndLevel;
  case MapFn::Not:
    return NotLevel;
  case MapFn::Eq:
  case MapFn::Ne:
  case MapFn::Lt:
  case MapFn::Le:
  case MapFn::Gt:
  case MapFn::Ge:
    return CompareLevel;
  case MapFn::Mod:
    return ProductLevel;
  case MapFn::Neg:
    return isCeiling(node) ? Tight : SignLevel;
  default:
    return Tight;
  }
}

/// Prints a node; an integer made real without `real` where the context
/// `converts` it.
void Printer::node(NodeId id, Level around, bool converts) {
  const Node &n = kernel[id];
  if (converts && n.nodeKind == NodeKind::Map && n.fn == MapFn::ToReal) {
    if (floors(kernel[n.operands[0]]))
      return call("floor", n.operands);
    return node(n.operands[0], around);
  }
  bool parentheses = levelOf(n) < around;
  if (parentheses)
    os << "(";
  inner(n);
  if (parentheses)
    os << ")";
}

void Printer::number(double value) {
  if (std::isinf(value)) {
    os << (value < 0 ? "-inf" : "inf");
    return;
  }
  // The shortest form that reads back as the same number, with an exponent
  // only where a writer would use one: 30.0, 0.125, 1e-6.
  char text[40];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value)
      break;
  }
  if (std::fabs(value) >= 1 && std::fabs(value) < 1e15 &&
      StringRef(text).contains('e'))
    std::snprintf(text, sizeof text, "%.0f", value);
  StringRef mantissa, exponent;
  std::tie(mantissa, exponent) = StringRef(text).split('e');
  os << mantissa;
  if (!exponent.empty())
    os << "e" << (exponent.consume_front("-") ? "-" : "")
       << exponent.ltrim("+0");
  else if (!mantissa.contains('.'))
    os << ".0";
}

void Printer::names(ArrayRef<RankId> ranks) {
  llvm::interleave(
      ranks, os, [&](RankId id) { os << rank(id); }, ",");
}

void Printer::call(StringRef name, ArrayRef<NodeId> args, bool converts) {
  os << name << "(";
  llvm::interleave(
      args, os, [&](NodeId arg) { node(arg, Loose, converts); }, ", ");
  os << ")";
}

/// The first operand of a product or remainder. A sign in front of it would be
/// that of the whole, which is another number where that is `rounds`.
void Printer::firstFactor(NodeId id, bool rounds, bool converts) {
  node(id, rounds && levelOf(kernel[id]) == SignLevel ? Tight : ProductLevel,
       converts);
}

void Printer::map(const Node &n) {
  auto infix = [&](Level level) {
    llvm::interleave(
        n.operands, os,
        [&](NodeId arg) { node(arg, Level(level + 1), converts(n)); },
        (llvm::Twine(" ") + getSpelling(n.fn) + " ").str());
  };
  switch (levelOf(n)) {
  case OrLevel:
    return infix(OrLevel);
  case AndLevel:
    return infix(AndLevel);
  case CompareLevel:
    return infix(CompareLevel);
  case NotLevel:
    os << "not ";
    return node(n.operands[0], NotLevel);
  default:
    break;
  }
  switch (n.fn) {
  case MapFn::ToReal:
    if (!floors(kernel[n.operands[0]]))
      return call("real", n.operands);
    os << "real(";
    call("floor", n.operands);
    os << ")";
    return;
  case MapFn::Mod:
    firstFactor(n.operands[0], /*rounds=*/true, converts(n));
    os << " % ";
    return node(n.operands[1], SignLevel, converts(n));
  case MapFn::Neg:
    if (isCeiling(n)) {
      const Node &quotient = kernel[n.operands[0]];
      os << "ceil(";
      node(kernel[quotient.operands[0]].operands[0], ProductLevel);
      os << " / ";
      node(quotient.operands[1], SignLevel);
      os << ")";
      return;
    }
    os << "-";
    return node(n.operands[0], Tight);
  case MapFn::Select:
    return call("if", n.operands, converts(n));
  default:
    return call(getSpelling(n.fn), n.operands, converts(n));
  }
}

/// T[i, j] of a tensor, with replaced ranks.
void Printer::indexed(const Node &n) {
  const Node &base = n.nodeKind == NodeKind::At ? kernel[n.operands[0]] : n;
  const TensorInfo &tensor = kernel.tensors[base.index];
  os << tensor.name;
  if (tensor.dims.empty())
    return;
  os << "[";
  llvm::interleave(
      tensor.dims, os,
      [&](RankId dim) {
        for (auto [i, replaced] : llvm::enumerate(n.over))
          if (n.nodeKind == NodeKind::At && replaced == dim)
            return node(n.operands[i + 1], Loose);
        os << rank(dim);
      },
      ",");
  os << "]";
}

/// An argument of a def that is no tensor of its own, at other coordinates.
void Printer::substituted(const Node &n) {
  const Node &base = kernel[n.operands[0]];
  auto at = [&](NodeId coordinate, Level level) {
    for (auto [i, replaced] : llvm::enumerate(n.over))
      if (kernel[coordinate].index == replaced)
        return node(n.operands[i + 1], level);
    node(coordinate, level);
  };
  if (base.nodeKind == NodeKind::Coord)
    return at(n.operands[0], Tight);
  if (base.nodeKind != NodeKind::Read)
    return node(n.operands[0], Tight);
  os << kernel.inputs[base.index].name << "[";
  llvm::interleave(
      base.operands, os, [&](NodeId index) { at(index, Loose); }, ",");
  os << "]";
}

void Printer::inner(const Node &n) {
  switch (n.nodeKind) {
  case NodeKind::Coord:
    os << rank(n.index);
    return;
  case NodeKind::Extent:
    os << "|" << rank(n.index) << "|";
    return;
  case NodeKind::Const:
    if (n.kind == ValueKind::Real)
      number(n.real);
    else if (n.kind == ValueKind::Int)
      os << n.integer;
    else
      os << (n.integer ? "true" : "false");
    return;
  case NodeKind::Param:
    os << kernel.inputs[n.index].name;
    return;
  case NodeKind::Read:
    os << kernel.inputs[n.index].name << "[";
    llvm::interleave(
        n.operands, os, [&](NodeId arg) { node(arg, Loose); }, ",");
    os << "]";
    return;
  case NodeKind::Ref:
    return indexed(n);
  case NodeKind::At:
    if (kernel[n.operands[0]].nodeKind == NodeKind::Ref)
      return indexed(n);
    return substituted(n);
  case NodeKind::Map:
    return map(n);
  case NodeKind::Sum:
    for (auto [i, operand] : llvm::enumerate(n.operands)) {
      if (i)
        os << (n.ops[i] == MapFn::Sub ? " - " : " + ");
      else if (n.ops[0] == MapFn::Sub)
        os << "-";
      node(operand, ProductLevel, converts(n));
    }
    return;
  case NodeKind::Product:
    for (auto [i, operand] : llvm::enumerate(n.operands)) {
      if (i == 0) {
        firstFactor(operand, floors(n), converts(n));
        continue;
      }
      os << (n.ops[i] == MapFn::Mul ? " * " : " / ");
      node(operand, SignLevel, converts(n));
    }
    return;
  case NodeKind::Where:
    os << "(";
    node(n.operands[0], OrLevel);
    os << " where ";
    node(n.operands[1], OrLevel);
    os << ")";
    return;
  case NodeKind::OrElse:
    return call("or_else", n.operands, converts(n));
  case NodeKind::Reduce: {
    os << getSpelling(n.reduce) << "[";
    names(n.over);
    os << "](";
    const Node &value = kernel[n.operands[0]];
    if (value.nodeKind == NodeKind::Where) {
      node(value.operands[0], OrLevel);
      os << " where ";
      node(value.operands[1], OrLevel);
    } else {
      node(n.operands[0], Loose);
    }
    os << ")";
    return;
  }
  case NodeKind::TopK:
  case NodeKind::Select:
    os << (n.nodeKind == NodeKind::TopK ? "topk" : "select") << "[";
    names(n.over);
    os << "]";
    return call("", n.operands);
  }
}

void Printer::tensor(const TensorInfo &tensor, bool withTypes) {
  auto line = [&](NodeId value, auto printIndices) {
    os << "  " << tensor.name;
    if (!tensor.dims.empty()) {
      os << "[";
      printIndices();
      os << "]";
    }
    os << " = ";
    const Node &n = kernel[value];
    // An output of real numbers makes its equation's value one.
    bool real = llvm::any_of(kernel.outputs, [&](const OutputInfo &output) {
      return output.name == tensor.name;
    });
    // The equation's own `where`.
    if (n.nodeKind == NodeKind::Where) {
      node(n.operands[0], OrLevel, real);
      os << "  where ";
      node(n.operands[1], OrLevel);
    } else {
      node(value, Loose, real);
    }
    if (withTypes) {
      os << "  // " << getName(n.kind) << "[";
      names(n.ranks);
      os << "]";
      if (n.presence)
        os << ", may be absent";
    }
    os << "\n";
  };
  auto indices = [&](StringRef iter) {
    for (auto [i, dim] : llvm::enumerate(tensor.dims)) {
      if (i)
        os << ",";
      if (tensor.definition == DefinitionKind::Recurrence &&
          i == tensor.iterDim)
        os << iter;
      else
        os << rank(dim);
    }
  };
  switch (tensor.definition) {
  case DefinitionKind::Plain:
    line(tensor.value, [&] { indices(""); });
    break;
  case DefinitionKind::Recurrence: {
    std::string iter = kernel.ranks[tensor.iterRank].name;
    line(tensor.start,
         [&] { indices(tensor.backward ? "|" + iter + "|-1" : "0"); });
    line(tensor.value,
         [&] { indices(iter + (tensor.backward ? "-1" : "+1")); });
    break;
  }
  case DefinitionKind::Scatter:
    line(tensor.value, [&] {
      llvm::interleave(
          tensor.left, os, [&](NodeId index) { node(index, Loose); }, ",");
    });
    break;
  }
}

void Printer::input(const InputInfo &info) {
  os << info.name;
  if (!info.dims.empty()) {
    os << "[";
    llvm::interleave(
        info.dims, os,
        [&](const InputDim &dim) {
          if (dim.rank)
            os << rank(*dim.rank);
          if (dim.rank && dim.offset)
            os << (dim.offset > 0 ? "+" : "");
          if (!dim.rank || dim.offset)
            os << dim.offset;
        },
        ",");
    os << "]";
  }
  os << ": " << getName(info.type);
  if (info.packed)
    os << " packed " << rank(*info.packed);
  if (info.value != noNode) {
    os << " = ";
    node(info.value, Loose);
  }
}

void Printer::kernelText(bool withTypes) {
  os << "kernel " << kernel.name << "(";
  llvm::interleave(
      kernel.inputs, os, [&](const InputInfo &info) { input(info); }, ", ");
  os << ")\n    -> ";
  llvm::interleave(
      kernel.outputs, os,
      [&](const OutputInfo &info) {
        os << info.name;
        if (!info.dims.empty()) {
          os << "[";
          names(info.dims);
          os << "]";
        }
        os << ": " << getName(info.type);
        if (info.filler != noNode) {
          os << " else ";
          node(info.filler, Loose, /*converts=*/true);
        }
      },
      ", ");
  if (kernel.gradient) {
    os << "\n  // grad " << kernel.gradient->of << " wrt "
       << llvm::join(kernel.gradient->wrt, ", ");
    if (!kernel.gradient->saving.empty())
      os << " saving " << llvm::join(kernel.gradient->saving, ", ");
    os << "\n";
    return;
  }
  os << "\n{\n";
  for (const RankInfo &info : kernel.ranks) {
    if (info.kind == ExtentKind::Ragged) {
      os << "  rank " << info.name << " of " << rank(info.parent) << " in ";
      node(info.low, SumLevel);
      os << " .. ";
      node(info.high, SumLevel);
      os << "\n";
    } else if (info.kind == ExtentKind::Declared && info.extent != noNode) {
      os << "  rank " << info.name << " = ";
      node(info.extent, Loose);
      os << "\n";
    }
  }
  for (const RankInfo &info : kernel.ranks)
    if (info.defaultSize)
      os << "  default " << info.name << " = " << *info.defaultSize << "\n";
  for (const Precondition &condition : kernel.preconditions) {
    os << "  require ";
    if (condition.property)
      os << getName(*condition.property) << "("
         << kernel.inputs[condition.input].name << ")";
    else
      node(condition.condition, Loose);
    os << "\n";
  }
  for (const TensorInfo &info : kernel.tensors)
    tensor(info, withTypes);
  os << "}\n";
}

void einfall::ein::printExplicit(llvm::raw_ostream &os,
                                 const ElaboratedKernel &kernel,
                                 bool withTypes) {
  Printer(os, kernel).kernelText(withTypes);
}

std::string einfall::ein::printNode(const ElaboratedKernel &kernel,
                                    NodeId node) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Printer(os, kernel).node(node, Loose);
  return text;
}
