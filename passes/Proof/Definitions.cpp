//===- Definitions.cpp - Assumptions that define a symbol -----------------===//

#include "passes/Proof/Definitions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"

using llvm::ArrayRef;
using llvm::DenseMap;
using llvm::SmallVector;

namespace einfall::proof {

Term rebuild(Term term, ArrayRef<Term> operands) {
  TermContext &context = term.context();
  switch (term.kind()) {
  case TermKind::Constant:
  case TermKind::True:
  case TermKind::False:
  case TermKind::Symbol:
    return term;
  case TermKind::Add:
    return context.add(operands, term.sort());
  case TermKind::Mul:
    return context.mul(operands, term.sort());
  case TermKind::Pow:
    return context.pow(operands[0], *term.value().asInteger());
  case TermKind::Div:
    return context.div(operands[0], operands[1]);
  case TermKind::FloorDiv:
    return context.floorDiv(operands[0], operands[1]);
  case TermKind::Mod:
    return context.mod(operands[0], operands[1]);
  case TermKind::ToReal:
    return context.toReal(operands[0]);
  case TermKind::Exp:
    return context.exp(operands[0]);
  case TermKind::Log:
    return context.log(operands[0]);
  case TermKind::Sqrt:
    return context.sqrt(operands[0]);
  case TermKind::Max:
    return context.max(operands[0], operands[1]);
  case TermKind::Min:
    return context.min(operands[0], operands[1]);
  case TermKind::Apply:
    return context.apply(term.name(), operands, term.sort());
  case TermKind::Ite:
    return context.ite(operands[0], operands[1], operands[2]);
  case TermKind::Not:
    return context.logicalNot(operands[0]);
  case TermKind::And:
    return context.logicalAnd(operands);
  case TermKind::Or:
    return context.logicalOr(operands);
  case TermKind::Eq:
    return context.eq(operands[0], operands[1]);
  case TermKind::Lt:
    return context.lt(operands[0], operands[1]);
  case TermKind::Le:
    return context.le(operands[0], operands[1]);
  }
  return term;
}

namespace {
class Substitution {
public:
  explicit Substitution(const DenseMap<Term, Term> &values) : values(values) {}

  Term apply(Term term) {
    if (auto it = values.find(term); it != values.end())
      return it->second;
    if (term.operands().empty())
      return term;
    if (auto it = done.find(term); it != done.end())
      return it->second;
    SmallVector<Term> operands;
    bool changed = false;
    for (Term operand : term.operands()) {
      operands.push_back(apply(operand));
      changed |= operands.back() != operand;
    }
    Term result = changed ? rebuild(term, operands) : term;
    done[term] = result;
    return result;
  }

private:
  const DenseMap<Term, Term> &values;
  DenseMap<Term, Term> done;
};
} // namespace

Term substitute(Term term, const DenseMap<Term, Term> &values) {
  return Substitution(values).apply(term);
}

static void collect(Term term, llvm::SetVector<Term> &symbols,
                    llvm::DenseSet<Term> &seen) {
  if (!seen.insert(term).second)
    return;
  if (term.is(TermKind::Symbol))
    symbols.insert(term);
  for (Term operand : term.operands())
    collect(operand, symbols, seen);
}

void collectSymbols(Term term, llvm::SetVector<Term> &symbols) {
  llvm::DenseSet<Term> seen;
  collect(term, symbols, seen);
}

static bool contains(Term term, Term symbol) {
  llvm::SetVector<Term> symbols;
  collectSymbols(term, symbols);
  return symbols.contains(symbol);
}

/// Adds the symbols that stand in arguments of functions within `term`.
static void collectArguments(Term term, llvm::SetVector<Term> &symbols,
                             llvm::DenseSet<Term> &seen) {
  if (!seen.insert(term).second)
    return;
  bool isFunction = term.is(TermKind::Exp) || term.is(TermKind::Log) ||
                    term.is(TermKind::Sqrt) || term.is(TermKind::Apply);
  for (Term operand : term.operands()) {
    if (isFunction)
      collectSymbols(operand, symbols);
    else
      collectArguments(operand, symbols, seen);
  }
}

/// The symbol that `assumption` defines and its value, or nothing. Of two
/// symbols the younger is defined.
static std::optional<std::pair<Term, Term>>
asDefinition(Term assumption, llvm::function_ref<bool(Term)> wanted) {
  TermContext &context = assumption.context();
  auto defines = [&](Term symbol) {
    return symbol.is(TermKind::Symbol) && wanted(symbol);
  };
  if (defines(assumption))
    return std::pair(assumption, context.boolean(true));
  if (assumption.is(TermKind::Not) && defines(assumption.operand(0)))
    return std::pair(assumption.operand(0), context.boolean(false));
  if (!assumption.is(TermKind::Eq))
    return std::nullopt;
  Term a = assumption.operand(0), b = assumption.operand(1);
  if (defines(b) && !contains(a, b))
    return std::pair(b, a);
  if (defines(a) && !contains(b, a))
    return std::pair(a, b);
  return std::nullopt;
}

SolvedObligation solveDefinitions(const Obligation &obligation, Solve which) {
  SolvedObligation solved;
  TermContext &context = obligation.goal.context();
  Term all = context.logicalAnd(obligation.assumptions);
  if (all.is(TermKind::And))
    solved.assumptions.assign(all.operands().begin(), all.operands().end());
  else if (!all.isTrue())
    solved.assumptions.push_back(all);
  solved.goal = obligation.goal;

  llvm::SetVector<Term> arguments;
  auto wanted = [&](Term symbol) {
    return which == Solve::Everywhere || arguments.contains(symbol);
  };
  auto findArguments = [&] {
    arguments.clear();
    llvm::DenseSet<Term> seen;
    for (Term assumption : solved.assumptions)
      collectArguments(assumption, arguments, seen);
    collectArguments(solved.goal, arguments, seen);
  };
  findArguments();
  for (size_t i = 0; i < solved.assumptions.size();) {
    auto definition = asDefinition(solved.assumptions[i], wanted);
    if (!definition) {
      ++i;
      continue;
    }
    solved.assumptions.erase(solved.assumptions.begin() + i);
    DenseMap<Term, Term> values;
    values.insert(*definition);
    Substitution substitution(values);
    for (auto &[symbol, value] : solved.definitions)
      value = substitution.apply(value);
    for (Term &assumption : solved.assumptions)
      assumption = substitution.apply(assumption);
    solved.goal = substitution.apply(solved.goal);
    solved.definitions.push_back(*definition);
    llvm::erase_if(solved.assumptions, [](Term t) { return t.isTrue(); });
    findArguments();
    i = 0;
  }
  return solved;
}

} // namespace einfall::proof
