//===- EmitSMT.cpp - Obligations as IR and as SMT-LIB ---------------------===//

#include "passes/Proof/EmitSMT.h"

#include "mlir/Dialect/SMT/IR/SMTDialect.h"
#include "mlir/Dialect/SMT/IR/SMTOps.h"
#include "mlir/Dialect/SMT/IR/SMTTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/SMTLIB/ExportSMTLIB.h"
#include "llvm/ADT/StringSet.h"

using llvm::DenseMap;
using llvm::SmallVector;
using llvm::StringRef;
using mlir::ValueRange;
namespace smt = mlir::smt;

namespace einfall::proof {

//===----------------------------------------------------------------------===//
// The theory of reals by names
//===----------------------------------------------------------------------===//

/// "1.5" as SMT-LIB writes it: (/ 3.0 2.0), (- 1.0).
static std::string numeral(const Rational &value) {
  bool negative = value.sign() < 0;
  Rational size = negative ? -value : value;
  std::string text =
      Rational(size.numerator(), llvm::DynamicAPInt(1)).str() + ".0";
  if (!size.isInteger())
    text = "(/ " + text + " " +
           Rational(size.denominator(), llvm::DynamicAPInt(1)).str() + ".0)";
  return negative ? "(- " + text + ")" : text;
}

static const std::pair<StringRef, StringRef> realFunctions[] = {
    {"real.add", "+"},
    {"real.mul", "*"},
    {"real.lt", "<"},
    {"real.le", "<="},
    {"real.of_int", "to_real"}};

/// A name that SMT-LIB takes and that means nothing else to a solver.
static std::string symbolName(StringRef name) {
  static const llvm::StringSet<> taken = {
      "and",    "or",       "not",    "xor",  "ite",  "let",   "forall",
      "exists", "div",      "mod",    "abs",  "true", "false", "to_real",
      "to_int", "is_int",   "_",      "!",    "as",   "par",   "pi",
      "euler",  "sin",      "cos",    "tan",  "exp",  "tanh",  "sinh",
      "cosh",   "distinct", "assert", "Real", "Int",  "Bool",  "root-obj"};
  std::string text;
  bool plain = !name.empty() && !llvm::isDigit(name[0]);
  for (char c : name) {
    bool printable = c >= ' ' && c < 127 && c != '|' && c != '\\';
    text += printable ? c : '?';
    plain &= llvm::isAlnum(c) || c == '_' || c == '.';
  }
  if (taken.contains(text))
    text += "$";
  return plain && !name.starts_with("real.") ? text : "|" + text + "|";
}

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

namespace {

class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc), context(builder.getContext()),
        realType(smt::SortType::get(context, "Real")),
        intType(smt::IntType::get(context)),
        boolType(smt::BoolType::get(context)) {}

  mlir::Value emit(Term term) {
    if (auto it = done.find(term); it != done.end())
      return it->second;
    mlir::Value value = build(term);
    done[term] = value;
    return value;
  }

  /// The narrowest logic that solvers treat well.
  static StringRef logicOf(llvm::ArrayRef<Term> roots);

private:
  mlir::Value build(Term term);
  mlir::Value integer(const Rational &value);
  mlir::Value product(const Rational &coefficient,
                      SmallVector<mlir::Value> factors);

  mlir::Type typeOf(Sort sort) {
    return sort == Sort::Real  ? realType
           : sort == Sort::Int ? intType
                               : boolType;
  }

  mlir::Value declare(StringRef name, mlir::Type type) {
    return smt::DeclareFunOp::create(builder, loc, type,
                                     builder.getStringAttr(name));
  }

  /// A function of the theory of reals, declared at its first use.
  mlir::Value call(StringRef name, mlir::Type result, ValueRange operands) {
    mlir::Value &function = functions[name];
    if (!function)
      function = declare(
          name, smt::SMTFuncType::get(
                    context, llvm::to_vector(operands.getTypes()), result));
    return smt::ApplyFuncOp::create(builder, loc, function, operands);
  }

  mlir::Value chain(StringRef name, llvm::ArrayRef<mlir::Value> operands) {
    mlir::Value result = operands.front();
    for (mlir::Value operand : operands.drop_front())
      result = call(name, realType, {result, operand});
    return result;
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::MLIRContext *context;
  mlir::Type realType, intType, boolType;
  DenseMap<Term, mlir::Value> done;
  llvm::StringMap<mlir::Value> functions;
};

} // namespace

mlir::Value Emitter::integer(const Rational &value) {
  std::string digits = value.str();
  auto bits = static_cast<unsigned>(4 * digits.size() + 8);
  llvm::APInt number(bits, StringRef(digits), 10);
  return smt::IntConstantOp::create(
      builder, loc,
      mlir::IntegerAttr::get(context,
                             llvm::APSInt(number, /*isUnsigned=*/false)));
}

/// coefficient * factors. SMT-LIB has no negative numerals, and solvers do not
/// take (0 - 3) * x for linear: it is 0 - 3 * x.
mlir::Value Emitter::product(const Rational &coefficient,
                             SmallVector<mlir::Value> factors) {
  Rational magnitude = coefficient.sign() < 0 ? -coefficient : coefficient;
  if (factors.empty() || !magnitude.isOne())
    factors.insert(factors.begin(), integer(magnitude));
  mlir::Value result =
      factors.size() == 1
          ? factors.front()
          : mlir::Value(smt::IntMulOp::create(builder, loc, intType, factors));
  if (coefficient.sign() >= 0)
    return result;
  return smt::IntSubOp::create(builder, loc, integer(Rational(0)), result);
}

mlir::Value Emitter::build(Term term) {
  SmallVector<mlir::Value> operands;
  for (Term operand : term.operands())
    operands.push_back(emit(operand));
  bool isReal = term.operands().empty()
                    ? term.sort() == Sort::Real
                    : term.operands().back().sort() == Sort::Real;
  switch (term.kind()) {
  case TermKind::Constant:
    if (isReal)
      return declare("real." + term.value().str(), realType);
    return product(term.value(), {});
  case TermKind::True:
  case TermKind::False:
    return smt::BoolConstantOp::create(builder, loc,
                                       builder.getBoolAttr(term.isTrue()));
  case TermKind::Symbol:
    return declare(symbolName(term.name()), typeOf(term.sort()));
  case TermKind::Add:
    return isReal ? chain("real.add", operands)
                  : mlir::Value(
                        smt::IntAddOp::create(builder, loc, intType, operands));
  case TermKind::Mul:
    if (isReal)
      return chain("real.mul", operands);
    if (term.operand(0).isConstant())
      return product(term.operand(0).value(),
                     llvm::to_vector(llvm::drop_begin(operands)));
    return product(Rational(1), operands);
  case TermKind::Pow: {
    SmallVector<mlir::Value> factors(*term.value().asInteger(), operands[0]);
    return isReal ? chain("real.mul", factors)
                  : mlir::Value(
                        smt::IntMulOp::create(builder, loc, intType, factors));
  }
  case TermKind::FloorDiv:
    return smt::IntDivOp::create(builder, loc, operands[0], operands[1]);
  case TermKind::Mod:
    return smt::IntModOp::create(builder, loc, operands[0], operands[1]);
  case TermKind::ToReal:
    return call("real.of_int", realType, operands);
  case TermKind::Ite:
    return smt::IteOp::create(builder, loc, operands[0], operands[1],
                              operands[2]);
  case TermKind::Not:
    return smt::NotOp::create(builder, loc, operands[0]);
  case TermKind::And:
    return smt::AndOp::create(builder, loc, boolType, operands);
  case TermKind::Or:
    return smt::OrOp::create(builder, loc, boolType, operands);
  case TermKind::Eq:
    return smt::EqOp::create(builder, loc, operands[0], operands[1]);
  case TermKind::Lt:
  case TermKind::Le: {
    bool strict = term.is(TermKind::Lt);
    if (isReal)
      return call(strict ? "real.lt" : "real.le", boolType, operands);
    return smt::IntCmpOp::create(
        builder, loc, strict ? smt::IntPredicate::lt : smt::IntPredicate::le,
        operands[0], operands[1]);
  }
  default:
    break;
  }
  llvm_unreachable("a term that elimination removes");
}

static void inspect(Term term, llvm::DenseSet<Term> &seen, bool &reals,
                    bool &integers, bool &nonlinear) {
  if (!seen.insert(term).second)
    return;
  reals |= term.sort() == Sort::Real;
  integers |= term.sort() == Sort::Int;
  unsigned variables = llvm::count_if(
      term.operands(), [](Term operand) { return !operand.isConstant(); });
  if (term.is(TermKind::Pow) || (term.is(TermKind::Mul) && variables > 1) ||
      ((term.is(TermKind::FloorDiv) || term.is(TermKind::Mod)) &&
       !term.operand(1).isConstant()))
    nonlinear = true;
  for (Term operand : term.operands())
    inspect(operand, seen, reals, integers, nonlinear);
}

StringRef Emitter::logicOf(llvm::ArrayRef<Term> roots) {
  bool reals = false, integers = false, nonlinear = false;
  llvm::DenseSet<Term> seen;
  for (Term root : roots)
    inspect(root, seen, reals, integers, nonlinear);
  if (reals && integers)
    return "ALL";
  if (reals)
    return nonlinear ? "QF_NRA" : "QF_LRA";
  return nonlinear ? "QF_NIA" : "QF_LIA";
}

static smt::SolverOp emitSolver(mlir::OpBuilder &builder, mlir::Location loc,
                                llvm::ArrayRef<Term> assertions) {
  auto solver =
      smt::SolverOp::create(builder, loc, mlir::TypeRange(), ValueRange());
  mlir::OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&solver.getBodyRegion());
  smt::SetLogicOp::create(builder, loc, Emitter::logicOf(assertions));
  Emitter emitter(builder, loc);
  for (Term assertion : assertions)
    smt::AssertOp::create(builder, loc, emitter.emit(assertion));
  auto check = smt::CheckOp::create(builder, loc, mlir::TypeRange());
  smt::YieldOp::create(builder, loc);
  for (mlir::Region *region : {&check.getSatRegion(), &check.getUnknownRegion(),
                               &check.getUnsatRegion()}) {
    builder.createBlock(region);
    smt::YieldOp::create(builder, loc);
  }
  return solver;
}

std::vector<Term> assertions(const Elimination &elimination, bool claim) {
  std::vector<Term> all = elimination.axioms;
  all.insert(all.end(), elimination.assumptions.begin(),
             elimination.assumptions.end());
  if (claim)
    all.push_back(!elimination.claim());
  return all;
}

mlir::OwningOpRef<mlir::ModuleOp>
emitSMT(mlir::MLIRContext *context, llvm::ArrayRef<Obligation> obligations) {
  context->loadDialect<smt::SMTDialect>();
  mlir::OpBuilder builder(context);
  mlir::Location loc = builder.getUnknownLoc();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  for (const Obligation &obligation : obligations) {
    Elimination elimination = eliminate(obligation);
    smt::SolverOp solver =
        emitSolver(builder, loc, assertions(elimination, /*claim=*/true));
    auto attribute = [&](StringRef name, StringRef value) {
      solver->setAttr(name, builder.getStringAttr(value));
    };
    attribute("einfall.obligation", obligation.name);
    attribute("einfall.rule", obligation.rule);
    attribute("einfall.location", obligation.location);
  }
  return module;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// What a token of the export stands for in SMT-LIB's theory of reals.
static std::optional<std::string> interpretation(StringRef token) {
  for (auto &[name, meaning] : realFunctions)
    if (token == name)
      return meaning.str();
  if (!token.consume_front("real."))
    return std::nullopt;
  StringRef top, bottom;
  std::tie(top, bottom) = token.split('/');
  auto number = [](StringRef digits) {
    return llvm::DynamicAPInt(llvm::APInt(4 * digits.size() + 8, digits, 10));
  };
  return numeral(Rational(number(top), bottom.empty() ? llvm::DynamicAPInt(1)
                                                      : number(bottom)));
}

/// Calls `token(text)` for each name or number and `other(text)` for all else.
template <typename Token, typename Other>
static void scan(StringRef text, Token token, Other other) {
  auto separates = [](char c) {
    return c == '(' || c == ')' || llvm::isSpace(c);
  };
  while (!text.empty()) {
    size_t length = 1;
    if (text[0] == '|')
      length = text.find('|', 1) + 1;
    else if (!separates(text[0]))
      length = text.take_until(separates).size();
    StringRef part = text.take_front(length);
    text = text.drop_front(length);
    if (separates(part[0]))
      other(part);
    else
      token(part);
  }
}

/// Gives the sort Real and its functions their meaning, line by line.
static std::string interpret(StringRef exported) {
  std::string result;
  SmallVector<StringRef> lines;
  exported.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    if (line.starts_with(";") || line == "(reset)" ||
        line == "(declare-sort Real 0)")
      continue;
    if (line.starts_with("(declare-")) {
      StringRef name = line.substr(line.find(' ') + 1);
      if (name.starts_with("real."))
        continue;
    }
    scan(
        line,
        [&](StringRef token) {
          result += interpretation(token).value_or(token.str());
        },
        [&](StringRef other) { result += other; });
    result += "\n";
  }
  return result;
}

mlir::FailureOr<std::string> toScript(mlir::MLIRContext *context,
                                      llvm::ArrayRef<Term> assertions) {
  context->loadDialect<smt::SMTDialect>();
  mlir::OpBuilder builder(context);
  mlir::Location loc = builder.getUnknownLoc();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  emitSolver(builder, loc, assertions);
  std::string text;
  llvm::raw_string_ostream os(text);
  smt::SMTEmissionOptions options;
  options.inlineSingleUseValues = true;
  if (mlir::failed(smt::exportSMTLIB(*module, os, options)))
    return mlir::failure();
  return interpret(text);
}

std::string withHeader(const Obligation &obligation, StringRef script) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "; obligation " << obligation.name << ": " << obligation.rule << "\n";
  if (!obligation.location.empty())
    os << "; at " << obligation.location << "\n";
  for (Term assumption : obligation.assumptions)
    os << ";   given " << assumption.str() << "\n";
  os << ";   prove " << obligation.goal.str() << "\n";
  os << "; unsat means proved\n" << script;
  return text;
}

mlir::FailureOr<std::string> toSMTLIB(const Obligation &obligation) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Elimination elimination = eliminate(obligation);
  mlir::FailureOr<std::string> script =
      toScript(&context, assertions(elimination, /*claim=*/true));
  if (mlir::failed(script))
    return mlir::failure();
  return withHeader(obligation, *script);
}

} // namespace einfall::proof
