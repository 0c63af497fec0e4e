//===- Translate.cpp - Fields as terms ------------------------------------===//

#include "passes/Derive/Translate.h"

#include "passes/Derive/Algebra.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;
using proof::Sort;
using proof::Term;

static Sort sortOf(Value value) {
  switch (fieldType(value).getKind()) {
  case Kind::Real:
    return Sort::Real;
  case Kind::Int:
    return Sort::Int;
  case Kind::Bool:
    return Sort::Bool;
  }
  return Sort::Real;
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

unsigned einfall::derive::SymbolTable::identity(Value value) {
  auto it = identities.find(value);
  if (it != identities.end())
    return it->second;
  std::string key;
  llvm::raw_string_ostream os(key);
  auto result = dyn_cast<OpResult>(value);
  if (!result || result.getOwner()->getNumRegions() != 0) {
    // Arguments of regions and results of folds are themselves.
    os << "value " << value.getAsOpaquePointer();
  } else {
    Operation *op = result.getOwner();
    os << op->getName() << '#' << result.getResultNumber()
       << op->getAttrDictionary() << op->getPropertiesAsAttribute();
    for (Value operand : op->getOperands())
      os << ' ' << identity(operand);
  }
  unsigned number = numbers.try_emplace(key, numbers.size()).first->second;
  return identities[value] = number;
}

static std::string symbolName(Value value) {
  std::string name;
  for (char c : fieldName(value))
    name += llvm::isAlnum(c) || c == '_' ? c : name.empty() ? 'v' : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name = "v" + name;
  return name.substr(0, 24);
}

Term einfall::derive::SymbolTable::symbol(Value value) {
  Term &term = symbols[{identity(value), 0}];
  if (term.isNull())
    term = terms.fresh(symbolName(value), sortOf(value));
  return term;
}

Term einfall::derive::SymbolTable::fact(Value value, bool truth) {
  Term &term = symbols[{identity(value), truth ? 2 : 1}];
  if (term.isNull())
    term =
        terms.fresh((truth ? "is_" : "has_") + symbolName(value), Sort::Bool);
  return term;
}

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

bool Translation::isBound(Value value) {
  if (bound.contains(value))
    return true;
  auto it = dependent.find(value);
  if (it != dependent.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result = op && op->getNumRegions() == 0 &&
                llvm::any_of(op->getOperands(),
                             [&](Value operand) { return isBound(operand); });
  return dependent[value] = result;
}

Term Translation::operator()(Value value) {
  auto it = done.find(value);
  if (it != done.end())
    return it->second;
  Term term = compute(value);
  return done[value] = term;
}

Term Translation::compute(Value value) {
  auto it = bound.find(value);
  if (it != bound.end())
    return it->second;
  proof::TermContext &terms = symbols.terms;
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue());
        real && std::isfinite(real.getValueAsDouble()))
      return terms.real(proof::Rational::exactly(real.getValueAsDouble()));
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      return integer.getType().isInteger(1)
                 ? terms.boolean(integer.getInt() != 0)
                 : terms.integer(proof::Rational(integer.getInt()));
  }
  if (!isBound(value) &&
      (symbols.isAtomic(value) || !isa_and_nonnull<MapOp, WhereOp>(op)))
    return symbols.symbol(value);
  if (auto where = dyn_cast_or_null<WhereOp>(op))
    return (*this)(where.getValue());
  if (auto other = dyn_cast_or_null<OrElseOp>(op); other && isBound(value))
    return (*this)(other.getValue());
  if (auto map = dyn_cast_or_null<MapOp>(op))
    if (std::optional<Term> term = computeMap(map))
      return *term;
  return opaque(value);
}

/// Real arithmetic; nothing for all else.
std::optional<Term> Translation::computeMap(MapOp map) {
  bool real = fieldType(map.getResult()).getKind() == Kind::Real;
  bool known = llvm::all_of(map.getOperands(), [](Value operand) {
    return fieldType(operand).getKind() != Kind::Int;
  });
  if (!known || (!real && !isBound(map)))
    return std::nullopt;
  proof::TermContext &terms = symbols.terms;
  auto x = [&](unsigned i) { return (*this)(map.getOperands()[i]); };
  switch (map.getFunction()) {
  case Function::Add:
    return x(0) + x(1);
  case Function::Sub:
    return x(0) - x(1);
  case Function::Mul:
    return x(0) * x(1);
  case Function::Div: {
    Term divisor = x(1);
    defined.push_back(ne(divisor, terms.real(0)));
    return x(0) / divisor;
  }
  case Function::Neg:
    return -x(0);
  case Function::Abs:
    return proof::abs(x(0));
  case Function::Max:
    return proof::max(x(0), x(1));
  case Function::Min:
    return proof::min(x(0), x(1));
  case Function::Exp:
    exponents.push_back(x(0));
    return proof::exp(x(0));
  case Function::Log:
    defined.push_back(gt(x(0), 0));
    return proof::log(x(0));
  case Function::Sqrt:
    defined.push_back(ge(x(0), 0));
    return proof::sqrt(x(0));
  case Function::Pow: {
    Term exponent = x(1);
    if (!exponent.isConstant())
      return std::nullopt;
    std::optional<int64_t> power = exponent.value().asInteger();
    if (!power || std::abs(*power) > 16)
      return std::nullopt;
    if (*power >= 0)
      return terms.pow(x(0), *power);
    defined.push_back(ne(x(0), terms.real(0)));
    return terms.real(1) / terms.pow(x(0), -*power);
  }
  case Function::Select:
    return proof::ite(x(0), x(1), x(2));
  case Function::Eq:
    return eq(x(0), x(1));
  case Function::Ne:
    return ne(x(0), x(1));
  case Function::Lt:
    return lt(x(0), x(1));
  case Function::Le:
    return le(x(0), x(1));
  case Function::Gt:
    return gt(x(0), x(1));
  case Function::Ge:
    return ge(x(0), x(1));
  case Function::And:
    return x(0) && x(1);
  case Function::Or:
    return x(0) || x(1);
  case Function::Not:
    return !x(0);
  default:
    return std::nullopt;
  }
}

Term Translation::opaque(Value value) {
  if (!isBound(value))
    return symbols.symbol(value);
  // An uninterpreted function of the bound values that enter.
  std::vector<Term> arguments;
  llvm::SmallSetVector<Value, 8> seen;
  SmallVector<Value> work{value};
  std::string shape;
  llvm::raw_string_ostream os(shape);
  while (!work.empty()) {
    Value next = work.pop_back_val();
    if (bound.contains(next) || !isBound(next)) {
      if (bound.contains(next)) {
        os << " ?";
        arguments.push_back((*this)(next));
      } else {
        os << ' ' << symbols.identity(next);
      }
      continue;
    }
    Operation *op = next.getDefiningOp();
    os << ' ' << op->getName() << op->getAttrDictionary()
       << op->getPropertiesAsAttribute();
    llvm::append_range(work, llvm::reverse(op->getOperands()));
  }
  return symbols.terms.apply("f" + std::to_string(symbols.shape(shape)),
                             arguments, sortOf(value));
}
