//===- Obligations.cpp - What an emitted plan has to prove ----------------===//

#include "passes/Derive/Obligations.h"

#include "passes/Derive/PassAnalysis.h"
#include "passes/Derive/Translate.h"
#include "passes/Proof/Definitions.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;
using proof::Sort;
using proof::Term;

namespace {

/// One term per component of the plan; null where it has none.
using State = DenseMap<unsigned, Term>;

class ObligationWriter {
public:
  ObligationWriter(KernelOp kernel, Stream &stream, const Plan &plan,
                   const Emission &emission, proof::TermContext &terms)
      : stream(stream), plan(plan), emission(emission), terms(terms),
        symbols(terms),
        prefix((kernel.getSymName() + "." + llvm::join(stream.getRanks(), "."))
                   .str()) {}

  std::vector<Duty> run() {
    nameComponents();
    declareAtoms();
    for (auto [number, component] : llvm::enumerate(plan.components))
      if (component.reference || component.centre)
        writeActions(number);
    for (FoldOp fold : emission.folds)
      writeRange(fold);
    for (auto [number, finish] : llvm::enumerate(plan.finishes))
      writeFinish(number, finish);
    for (size_t i = 0; i < plan.rewritten.size(); ++i)
      writeRewritten(i);
    return std::move(duties);
  }

private:
  void nameComponents();
  void declareAtoms();
  void bindComplete(Translation &translation);
  FoldOp foldOf(unsigned number) {
    return cast<FoldOp>(emission.results[number].getDefiningOp());
  }
  unsigned positionOf(unsigned number) {
    return cast<OpResult>(emission.results[number]).getResultNumber();
  }
  SmallVector<unsigned> componentsOf(FoldOp fold);

  /// What enters component `number` under these references; `defined` gets the
  /// conditions that it has a value and that no reference stands in.
  Term enter(unsigned number, const State &references,
             std::vector<Term> *defined = nullptr);
  /// Component `number` of `state` taken from references `before` to `after`.
  Term act(unsigned number, const State &before, const State &after,
           const State &state);
  State fresh(FoldOp fold, bool references, StringRef suffix);
  State zero(FoldOp fold, bool references);
  /// The finish of a member for a state of its accumulators.
  Term finishTerm(const Finish &finish, Value value, const State &state,
                  Translation &translation);
  Term sortedZero(unsigned number) {
    return terms.constant(proof::Rational(0),
                          fieldType(emission.results[number]).getKind() ==
                                  Kind::Int
                              ? Sort::Int
                              : Sort::Real);
  }
  /// Members as what their finish makes of their components.
  std::vector<Term> definitions(Term of, const Finish *except);
  std::vector<Term> positives(Term written);

  void writeActions(unsigned number);
  void writeRange(FoldOp fold);
  void writeFinish(unsigned number, const Finish &finish);
  void writeDomain(const Finish &finish, unsigned component,
                   const std::string &name);
  void writeRewritten(unsigned number);
  void add(const std::string &name, StringRef rule, Location loc,
           std::vector<Term> assumptions, Term goal,
           ArrayRef<Operation *> members, bool monotone = false);
  /// The members that use a component.
  SmallVector<Operation *> usersOf(unsigned component);

  Stream &stream;
  const Plan &plan;
  const Emission &emission;
  proof::TermContext &terms;
  derive::SymbolTable symbols;
  std::string prefix;
  std::vector<std::string> names;
  llvm::StringMap<unsigned> used;
  /// The final state.
  State finals;
  DenseSet<Operation *> provedPositive;
  std::vector<Duty> duties;
};

//===----------------------------------------------------------------------===//
// Names and states
//===----------------------------------------------------------------------===//

void ObligationWriter::nameComponents() {
  llvm::StringMap<unsigned> seen;
  for (auto [number, component] : llvm::enumerate(plan.components)) {
    std::string name;
    component.loc->walk([&](Location loc) {
      if (auto named = dyn_cast<NameLoc>(loc))
        if (name.empty())
          name = named.getName().str();
      return WalkResult::advance();
    });
    if (name.empty())
      name = "t" + std::to_string(number);
    if (unsigned count = seen[name]++)
      name += "." + std::to_string(count + 1);
    names.push_back(name);
    // A component that is a member is known by the member's symbol.
    const Atom &atom = stream.algebra[component.atom];
    if (atom.kind == Atom::Leaf)
      finals[number] = symbols.symbol(atom.value);
    else
      finals[number] =
          symbols.fresh(names[number],
                        fieldType(emission.results[number]).getKind() ==
                                Kind::Bool
                            ? Sort::Bool
                            : Sort::Real);
  }
}

/// Fields that the plan has as atoms are symbols: none of the statements needs
/// to know more of them.
void ObligationWriter::declareAtoms() {
  Algebra &algebra = stream.algebra;
  std::function<void(const Poly &)> visit;
  auto visitAtom = [&](AtomId id) {
    const Atom atom = algebra[id];
    if (atom.kind == Atom::Leaf && stream.level(atom.value) == 0)
      symbols.makeAtomic(atom.value);
    visit(atom.argument);
  };
  visit = [&](const Poly &poly) {
    for (auto &[monomial, coefficient] : poly.terms) {
      if (monomial.exponent)
        visit(Poly(algebra.exponent(monomial.exponent)));
      for (auto [id, power] : monomial.factors)
        visitAtom(id);
    }
  };
  for (const Component &component : plan.components) {
    visit(component.entering);
    visit(component.exponent);
    visit(algebra.of(component.rest));
    if (component.centred)
      visitAtom(*component.centred);
  }
  for (const Finish &finish : plan.finishes)
    visit(finish.value);
}

/// Members and final states are symbols in all that follows.
void ObligationWriter::bindComplete(Translation &translation) {
  for (const Finish &finish : plan.finishes) {
    Value member = finish.member->getResult(0);
    translation.bind(member, symbols.symbol(member));
  }
  for (auto [number, result] : llvm::enumerate(emission.results))
    translation.bind(result, finals[number]);
}

SmallVector<unsigned> ObligationWriter::componentsOf(FoldOp fold) {
  SmallVector<unsigned> numbers(fold.getNumResults());
  for (auto [number, result] : llvm::enumerate(emission.results))
    if (result.getDefiningOp() == fold)
      numbers[cast<OpResult>(result).getResultNumber()] = number;
  return numbers;
}

Term ObligationWriter::enter(unsigned number, const State &references,
                             std::vector<Term> *defined) {
  FoldOp fold = foldOf(number);
  Translation translation(symbols);
  bindComplete(translation);
  for (auto [component, argument] :
       llvm::zip(componentsOf(fold), fold.getStep().front().getArguments()))
    translation.bind(argument, references.lookup(component));
  auto yield = cast<YieldOp>(fold.getStep().front().back());
  Term term = translation(yield.getValues()[positionOf(number)]);
  for (Term condition : translation.defined) {
    llvm::SetVector<Term> symbolsOf;
    proof::collectSymbols(condition, symbolsOf);
    bool free = llvm::none_of(references, [&](auto &reference) {
      return symbolsOf.contains(reference.second);
    });
    if (defined && free)
      defined->push_back(condition);
  }
  return term;
}

Term ObligationWriter::act(unsigned number, const State &before,
                           const State &after, const State &state) {
  FoldOp fold = foldOf(number);
  Translation translation(symbols);
  SmallVector<unsigned> components = componentsOf(fold);
  auto references = static_cast<unsigned>(fold.getReferences());
  auto arguments = fold.getAct().front().getArguments();
  for (unsigned i = 0; i < references; ++i) {
    translation.bind(arguments[i], before.lookup(components[i]));
    translation.bind(arguments[references + i], after.lookup(components[i]));
  }
  for (unsigned i = references; i < components.size(); ++i)
    translation.bind(arguments[references + i], state.lookup(components[i]));
  auto yield = cast<YieldOp>(fold.getAct().front().back());
  return translation(yield.getValues()[positionOf(number) - references]);
}

State ObligationWriter::fresh(FoldOp fold, bool references, StringRef suffix) {
  State state;
  for (auto [position, number] : llvm::enumerate(componentsOf(fold)))
    if (fold.isReference(position) == references)
      state[number] =
          symbols.fresh(names[number] + suffix.str(),
                        fieldType(emission.results[number]).getKind() ==
                                Kind::Bool
                            ? Sort::Bool
                        : fieldType(emission.results[number]).getKind() ==
                                Kind::Int
                            ? Sort::Int
                            : Sort::Real);
  return state;
}

State ObligationWriter::zero(FoldOp fold, bool references) {
  State state;
  for (auto [position, number] : llvm::enumerate(componentsOf(fold)))
    if (fold.isReference(position) == references &&
        fieldType(emission.results[number]).getKind() != Kind::Bool)
      state[number] = sortedZero(number);
  return state;
}

SmallVector<Operation *> ObligationWriter::usersOf(unsigned component) {
  SmallVector<Operation *> members;
  for (const Finish &finish : plan.finishes)
    for (unsigned number : finish.accumulators) {
      const Component &c = plan.components[number];
      if (number == component || c.reference == component ||
          c.centre == component)
        members.push_back(finish.member);
    }
  return members;
}

void ObligationWriter::add(const std::string &name, StringRef rule,
                           Location loc, std::vector<Term> assumptions,
                           Term goal, ArrayRef<Operation *> members,
                           bool monotone) {
  std::string unique = prefix + "." + name;
  if (unsigned count = used[unique]++)
    unique += "." + std::to_string(count + 1);
  Duty duty;
  duty.obligation.name = unique;
  duty.obligation.rule = rule.str();
  duty.obligation.location = describe(loc);
  llvm::SmallSetVector<Term, 8> distinct;
  for (Term assumption : assumptions)
    if (!assumption.isTrue())
      distinct.insert(assumption);
  duty.obligation.assumptions.assign(distinct.begin(), distinct.end());
  duty.obligation.goal = goal;
  duty.obligation.monotoneExp = monotone;
  duty.members.assign(members.begin(), members.end());
  duties.push_back(std::move(duty));
}

//===----------------------------------------------------------------------===//
// Step, act and combine
//===----------------------------------------------------------------------===//

void ObligationWriter::writeActions(unsigned number) {
  FoldOp fold = foldOf(number);
  Location loc = plan.components[number].loc;
  SmallVector<Operation *> users = usersOf(number);
  const std::string &name = names[number];
  State r = fresh(fold, true, "_ref"), s = fresh(fold, true, "_ref_new"),
        z = fresh(fold, true, "_ref_joint");
  State t = fresh(fold, false, "_acc"), u = fresh(fold, false, "_acc_other");
  State zeroReferences = zero(fold, true), nothing = zero(fold, false);
  auto sum = [&](const State &a, const State &b) {
    State result = a;
    for (auto &[component, term] : b)
      if (term.sort() != Sort::Bool)
        result[component] = a.lookup(component) + term;
    return result;
  };
  for (auto &[component, term] : t)
    if (term.sort() == Sort::Bool)
      nothing[component] = term;
  auto acted = [&](const State &before, const State &after,
                   const State &state) {
    State result;
    for (auto &[component, term] : state)
      result[component] = act(component, before, after, state);
    return result;
  };

  Term linear = eq(act(number, r, s, sum(t, u)),
                   act(number, r, s, t) + act(number, r, s, u));
  Term identity = eq(act(number, r, r, t), t[number]);
  Term init = eq(act(number, r, s, nothing), sortedZero(number));
  add(name + ".act", "R2 act", loc, {},
      terms.logicalAnd({identity, init, linear}), users);

  State entered;
  std::vector<Term> defined;
  for (auto &[component, term] : t)
    if (term.sort() != Sort::Bool)
      entered[component] = enter(component, s, &defined);
  Term left =
      act(number, s, zeroReferences, sum(acted(r, s, t), entered));
  Term right =
      act(number, r, zeroReferences, t) + enter(number, zeroReferences);
  add(name + ".step", "R2 step", loc, defined, eq(left, right), users);

  Term joint = act(number, z, zeroReferences,
                   sum(acted(r, z, t), acted(s, z, u)));
  Term apart = act(number, r, zeroReferences, t) +
               act(number, s, zeroReferences, u);
  add(name + ".combine", "R2 combine", loc, {}, eq(joint, apart), users);
}

/// Exponentials of step and act do not exceed 1.
void ObligationWriter::writeRange(FoldOp fold) {
  SmallVector<unsigned> components = componentsOf(fold);
  State before = fresh(fold, true, "_ref"), after = fresh(fold, true, "_ref_new");
  std::vector<Term> assumptions, goals;
  Translation step(symbols), action(symbols);
  bindComplete(step);
  auto stepYield = cast<YieldOp>(fold.getStep().front().back());
  auto actYield = cast<YieldOp>(fold.getAct().front().back());
  auto references = static_cast<unsigned>(fold.getReferences());
  auto actArguments = fold.getAct().front().getArguments();
  for (unsigned i = 0; i < references; ++i) {
    step.bind(fold.getStep().front().getArgument(i),
              after.lookup(components[i]));
    action.bind(actArguments[i], before.lookup(components[i]));
    action.bind(actArguments[references + i], after.lookup(components[i]));
    if (fold.getMonoid(i) == Monoid::Max)
      assumptions.push_back(
          le(before.lookup(components[i]), after.lookup(components[i])));
  }
  State state = fresh(fold, false, "_acc");
  for (unsigned i = references; i < components.size(); ++i)
    action.bind(actArguments[references + i], state.lookup(components[i]));
  SmallVector<Term> entered, acted;
  for (Value value : stepYield.getValues())
    entered.push_back(step(value));
  for (Value value : actYield.getValues())
    acted.push_back(action(value));
  for (unsigned i = 0; i < references; ++i)
    if (fold.getMonoid(i) == Monoid::Max)
      assumptions.push_back(le(entered[i], after.lookup(components[i])));
  // Maxima of earlier folds are at least what entered them.
  for (auto [number, component] : llvm::enumerate(plan.components))
    if (component.monoid == Monoid::Max && component.field &&
        foldOf(number) != fold &&
        fieldType(component.field).getKind() == Kind::Real)
      assumptions.push_back(le(step(component.field), finals[number]));

  std::vector<Term> exponents = step.exponents;
  llvm::append_range(exponents, action.exponents);
  llvm::SmallSetVector<Term, 8> distinct;
  distinct.insert_range(exponents);
  for (Term exponent : distinct)
    goals.push_back(le(proof::exp(exponent), terms.real(1)));
  if (goals.empty())
    return;
  llvm::append_range(assumptions, step.defined);
  SmallVector<Operation *> members;
  for (const Finish &finish : plan.finishes)
    if (llvm::any_of(finish.accumulators, [&](unsigned number) {
          return foldOf(number) == fold &&
                 !plan.components[number].exponent.isZero();
        }))
      members.push_back(finish.member);
  if (!members.empty())
    add("range", "R2 range", fold.getLoc(), assumptions,
        terms.logicalAnd(goals), members, /*monotone=*/true);
}

//===----------------------------------------------------------------------===//
// Finish
//===----------------------------------------------------------------------===//

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
    if (!provedPositive.insert(member).second)
      continue;
    Translation body(symbols);
    bindComplete(body);
    Term g = body(member.getValue());
    std::string name = givenName(member);
    add((name.empty() ? "member" : name) + ".positive", "R5 positive",
        member.getLoc(), body.defined, gt(g, 0), {member.getOperation()});
  }
  return result;
}

Term ObligationWriter::finishTerm(const Finish &finish, Value value,
                                  const State &state,
                                  Translation &translation) {
  bindComplete(translation);
  for (unsigned number : finish.accumulators)
    translation.bind(emission.results[number], state.lookup(number));
  return translation(value);
}

void ObligationWriter::writeFinish(unsigned number, const Finish &finish) {
  if (finish.accumulators.empty())
    return;
  ReduceOp member = finish.member;
  Location loc = member.getLoc();
  Value value = emission.unguarded[number];
  std::string name = givenName(member);
  if (name.empty())
    name = "member" + std::to_string(number);

  Translation written(symbols);
  bindComplete(written);
  Term g = written(member.getValue());

  // The final references are what the components' results are.
  State entered, first, second, both, none;
  for (unsigned component : finish.accumulators) {
    entered[component] = enter(component, finals);
    first[component] = symbols.fresh(names[component] + "_a");
    second[component] = symbols.fresh(names[component] + "_b");
    both[component] = first[component] + second[component];
    none[component] = sortedZero(component);
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
    add(name + ".separate", "R1 separate", loc, assumptions, eq(f, g),
        {member.getOperation()});
    add(name + ".final", "R1 final", loc, order, le(a, b),
        {member.getOperation()});
  } else {
    add(name + ".separate", "R5 separate", loc, assumptions, eq(f, g),
        {member.getOperation()});
    Translation left(symbols), right(symbols), joint(symbols), empty(symbols);
    Term a = finishTerm(finish, value, first, left);
    Term b = finishTerm(finish, value, second, right);
    Term c = finishTerm(finish, value, both, joint);
    Term d = finishTerm(finish, value, none, empty);
    std::vector<Term> sound = assumptions;
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
  Term emitted = conjunction(
      domains.get(yield.getValues()[positionOf(component)]));
  Term written = conjunction(domains.get(member.getValue()));
  Term goal = terms.logicalAnd(
      {implies(emitted, written), implies(written, emitted)});
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
  add((name.empty() ? "value" + std::to_string(number) : name) + ".rewrite",
      "R3 rewrite", original.getLoc(), assumptions, eq(before, after), members);
}

} // namespace

std::vector<Duty> einfall::derive::writeObligations(
    KernelOp kernel, Stream &stream, const Plan &plan, const Emission &emission,
    proof::TermContext &terms) {
  return ObligationWriter(kernel, stream, plan, emission, terms).run();
}
