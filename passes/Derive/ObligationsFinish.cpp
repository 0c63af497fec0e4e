//===- ObligationsFinish.cpp - What finishes have to prove --------------===//

#include "passes/Derive/ObligationWriter.h"

#include "passes/Derive/PassAnalysis.h"
#include "passes/Proof/Definitions.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;
using proof::Sort;
using proof::Term;

std::vector<Term> ObligationWriter::definitions(Term of, const Finish *except) {
  llvm::SetVector<Term> needed;
  proof::collectSymbols(of, needed);
  std::vector<Term> result;
  for (auto [finish, value] : llvm::zip(plan.finishes, emission.unguarded)) {
    ReduceOp member = finish.member;
    Term symbol = symbols.symbol(member);
    if (&finish == except || finish.accumulators.empty() ||
        !needed.contains(symbol))
      continue;
    Translation translation(symbols);
    bindComplete(translation);
    Term term = translation(value);
    if (term == symbol)
      continue;
    llvm::append_range(result, translation.defined);
    result.push_back(eq(symbol, term));
  }
  return result;
}

static bool holdsLogarithm(Term term) {
  return term.is(proof::TermKind::Log) ||
         llvm::any_of(term.operands(), holdsLogarithm);
}

/// Where a logarithm was split, the members in it have to be positive: sums of
/// positive numbers.
std::vector<Term> ObligationWriter::positives(Term written) {
  std::vector<Term> result;
  if (!holdsLogarithm(written))
    return result;
  llvm::SetVector<Term> needed;
  proof::collectSymbols(written, needed);
  for (const Finish &finish : plan.finishes) {
    ReduceOp member = finish.member;
    Term symbol = symbols.symbol(member);
    if (!needed.contains(symbol) || member.getMonoid() != Monoid::Sum ||
        !stream.isPositive(member))
      continue;
    result.push_back(gt(symbol, 0));
    provePositive(member);
  }
  return result;
}

/// Once: what a member sums is positive.
void ObligationWriter::provePositive(ReduceOp member) {
  if (!provedPositive.insert(member).second)
    return;
  Translation body(symbols);
  bindComplete(body);
  Term g = body(member.getValue());
  std::string name = givenName(member);
  add((name.empty() ? "member" : name) + ".positive", "R5 positive",
      member.getLoc(), body.defined, gt(g, 0), {member.getOperation()});
}

Term ObligationWriter::finishTerm(const Finish &finish, Value value,
                                  const State &state,
                                  Translation &translation) {
  bindComplete(translation);
  for (unsigned number : finish.accumulators)
    translation.bind(emission.results[number], state.lookup(number));
  return translation(value);
}

std::string ObligationWriter::nameOf(unsigned finish) {
  ReduceOp member = plan.finishes[finish].member;
  std::string name = givenName(member);
  return name.empty() ? "member" + std::to_string(finish) : name;
}

void ObligationWriter::writeFinish(unsigned number, const Finish &finish) {
  if (finish.accumulators.empty())
    return;
  ReduceOp member = finish.member;
  Location loc = member.getLoc();
  Value value = emission.unguarded[number];
  std::string name = nameOf(number);

  Translation written(symbols);
  bindComplete(written);
  Term g = written(member.getValue());

  // The final references are what the components' results are.
  // States are symbols with equations, so that what is claimed of them is left
  // to the solver and not to the way in which terms are built.
  State entered, first, second, both, none;
  std::vector<Term> entering, sums;
  for (unsigned component : finish.accumulators) {
    const std::string &of = names[component];
    Sort sort = sortedZero(component).sort();
    entered[component] = symbols.fresh(of + "_in", sort);
    first[component] = symbols.fresh(of + "_a", sort);
    second[component] = symbols.fresh(of + "_b", sort);
    both[component] = symbols.fresh(of + "_both", sort);
    none[component] = symbols.fresh(of + "_none", sort);
    Term in = enter(component, finals);
    if (in.sort() != sort) { // whether there was anything
      entered[component] = in;
      continue;
    }
    entering.push_back(eq(entered[component], in));
    sums.push_back(eq(both[component], first[component] + second[component]));
    sums.push_back(eq(none[component], sortedZero(component)));
  }
  Translation translation(symbols);
  Term f = finishTerm(finish, value, entered, translation);
  // As written it has a value, and members are what their finish says, which
  // matters only where a form was simplified across members.
  std::vector<Term> assumptions = written.defined;
  bool simplified = llvm::is_contained(finish.rules, "R3");
  if (simplified)
    llvm::append_range(assumptions, definitions(g, &finish));
  llvm::append_range(assumptions, positives(g));
  if (member.getMonoid() != Monoid::Sum) {
    Translation low(symbols), high(symbols);
    Term a = finishTerm(finish, value, first, low);
    Term b = finishTerm(finish, value, second, high);
    std::vector<Term> order;
    for (unsigned component : finish.accumulators)
      order.push_back(le(first[component], second[component]));
    llvm::append_range(assumptions, entering);
    add(name + ".separate", "R1 separate", loc, assumptions, eq(f, g),
        {member.getOperation()});
    add(name + ".final", "R1 final", loc, order, le(a, b),
        {member.getOperation()});
  } else {
    std::vector<Term> separate = assumptions;
    llvm::append_range(separate, entering);
    add(name + ".separate", "R5 separate", loc, separate, eq(f, g),
        {member.getOperation()});
    Translation left(symbols), right(symbols), joint(symbols), empty(symbols);
    Term a = finishTerm(finish, value, first, left);
    Term b = finishTerm(finish, value, second, right);
    Term c = finishTerm(finish, value, both, joint);
    Term d = finishTerm(finish, value, none, empty);
    std::vector<Term> sound = assumptions;
    llvm::append_range(sound, sums);
    llvm::append_range(sound, left.defined);
    add(name + ".final", "R1 final", loc, sound,
        terms.logicalAnd({eq(c, a + b), eq(d, terms.real(0))}),
        {member.getOperation()});
  }
  for (unsigned component : finish.accumulators)
    writeDomain(finish, component, name);
}

/// What enters is present exactly where the body as written is, as long as what
/// is complete is present.
void ObligationWriter::writeDomain(const Finish &finish, unsigned component,
                                   const std::string &name) {
  ReduceOp member = finish.member;
  FoldOp fold = foldOf(component);
  auto yield = cast<YieldOp>(fold.getStep().front().back());
  Domains domains;
  std::vector<Term> assumptions;
  auto conjunction = [&](const Domain &facts) {
    std::vector<Term> all;
    for (const Fact &fact : facts) {
      Term term = symbols.fact(fact.value, fact.truth);
      all.push_back(term);
      if (!stream.carries(fact.value) &&
          (isa<BlockArgument>(fact.value) || stream.level(fact.value) > 0))
        assumptions.push_back(term);
    }
    return terms.logicalAnd(all);
  };
  Term emitted =
      conjunction(domains.get(yield.getValues()[positionOf(component)]));
  Term written = conjunction(domains.get(member.getValue()));
  Term goal =
      terms.logicalAnd({implies(emitted, written), implies(written, emitted)});
  if (!goal.isTrue())
    add(name + ".domain", "R1 domain", member.getLoc(), assumptions, goal,
        {member.getOperation()});
}

void ObligationWriter::writeRewritten(unsigned number) {
  Value original = plan.rewritten[number].first;
  Translation written(symbols), emitted(symbols);
  bindComplete(written);
  bindComplete(emitted);
  Term before = written(original);
  Term after = emitted(emission.rewrittenUnguarded[number]);
  std::vector<Term> assumptions = written.defined;
  llvm::append_range(assumptions, definitions(before, nullptr));
  std::string name = givenName(original.getDefiningOp());
  SmallVector<Operation *> members;
  for (const Finish &finish : plan.finishes)
    if (!finish.accumulators.empty())
      members.push_back(finish.member);
  if (name.empty())
    name = "value" + std::to_string(number);
  add(name + ".rewrite", "R3 rewrite", original.getLoc(), assumptions,
      eq(before, after), members);
  writeRewrittenGuard(number, name, members);
}
